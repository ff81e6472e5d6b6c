"""Starts a command tied to our life and, where root must not run it, as another user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kora_site.up import errors

CAP_DAC_OVERRIDE = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    uid: int
    gid: int


def unprivileged() -> User | None:
    """Who runs what refuses root; None when we are not root.

    `nobody` is on every machine, so no account is made on someone's system.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(uid=entry.pw_uid, gid=entry.pw_gid)


def launcher(*, death_signal: signal.Signals, user: User | None = None) -> list[str]:
    words = [_setpriv(), "--pdeathsig", death_signal.name.removeprefix("SIG")]
    if user is not None:
        words += ["--reuid", str(user.uid), "--regid", str(user.gid), "--clear-groups"]
        # Without it the other user could not reach a checkout or a home below /root.
        if _may_override_permissions():
            words += ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    return [*words, "--"]


@cache
def _setpriv() -> str:
    found = shutil.which("setpriv", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if found is None:
        raise errors.StartError(
            "KORA needs the command setpriv, which Debian ships in the package util-linux."
        )
    return found


@cache
def _may_override_permissions() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_DAC_OVERRIDE & 1)
    return False
