"""What a model hub offers: which GGUF files a repository has, which is meant, and where it lies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from inference.store import web
from inference.store.errors import CutError, FetchError
from inference.store.fetching import Wanted
from inference.store.web import Judge, Source

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LONGEST_ANSWER = 16 << 20
SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
MIX = re.compile(r"(?:^|[-._/])((?:i?q\d\w*|f16|f32|bf16|mxfp4\w*|tq\d\w*))\.gguf$", re.IGNORECASE)
PREFERRED = ("q4_k_m", "q8_0")
"""What is taken when nobody says which: small enough and good enough, else near to the original."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    base: str
    token: str = field(default="", repr=False)
    judge: Judge = web.anywhere


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One GGUF file of a repository."""

    path: str
    bytes: int = 0
    sha256: str = ""

    @property
    def mix(self) -> str:
        found = MIX.search(self.path)
        return found.group(1).lower() if found else ""

    @property
    def split(self) -> bool:
        return bool(SPLIT.search(self.path))


def files(hub: Hub, repository: str, revision: str = "main") -> list[Listed]:
    if not REPOSITORY.fullmatch(repository):
        raise FetchError(f"{repository!r} is no repository: write owner/name.")
    where = f"{hub.base}/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
    said = _json(Source(url=where, token=hub.token, judge=hub.judge))
    siblings = said.get("siblings")
    listed = [_listed(one) for one in siblings if isinstance(one, dict)] if siblings else []
    return [one for one in listed if one.path.lower().endswith(".gguf")]


def choose(listed: Sequence[Listed], meant: str) -> Listed:
    """By the file's path or by its quantisation; without either the preferred one."""
    if not listed:
        raise FetchError("The repository has no GGUF file.")
    found = _meant(listed, meant) if meant else _preferred(listed)
    whole = [one for one in found if not one.split]
    if found and not whole:
        raise FetchError(
            f"{found[0].path} is one part of a split model; KORA takes models in one file. Fetch "
            "the parts, merge them (llama-gguf-split --merge) and import the one file."
        )
    if len(whole) != 1:
        raise FetchError(f"{_trouble(meant, whole)} It has: {_names(listed)}.")
    return whole[0]


def wanted(hub: Hub, repository: str, file: Listed, revision: str = "main") -> Wanted:
    path = quote(file.path)
    where = f"{hub.base}/{repository}/resolve/{quote(revision, safe='')}/{path}"
    return Wanted(
        source=Source(url=where, token=hub.token, judge=hub.judge),
        bytes=file.bytes,
        sha256=file.sha256,
    )


def _meant(listed: Sequence[Listed], meant: str) -> list[Listed]:
    exact = [one for one in listed if one.path == meant]
    return exact or [one for one in listed if one.mix == meant.lower()]


def _preferred(listed: Sequence[Listed]) -> list[Listed]:
    whole = [one for one in listed if not one.split] or list(listed)
    for mix in PREFERRED:
        if found := [one for one in whole if one.mix == mix]:
            return found
    return whole


def _trouble(meant: str, found: Sequence[Listed]) -> str:
    if not meant:
        return "Say which file or quantisation is meant."
    return f"{meant} names {'more than one file' if found else 'no file of the repository'}."


def _names(listed: Sequence[Listed]) -> str:
    shown = [one.path for one in listed[:12]]
    more = len(listed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _listed(said: Mapping[str, Any]) -> Listed:
    large = said.get("lfs")
    large = large if isinstance(large, dict) else {}
    size = large.get("size", said.get("size"))
    checksum = large.get("sha256") or large.get("oid") or ""
    return Listed(
        path=str(said.get("rfilename", "")),
        bytes=size if isinstance(size, int) and size > 0 else 0,
        sha256=str(checksum).removeprefix("sha256:"),
    )


def _json(source: Source) -> dict[str, Any]:
    with web.get(source, {"Accept": "application/json"}) as answer:
        try:
            said = json.loads(answer.read(LONGEST_ANSWER))
        except ValueError:
            said = None
        except OSError as error:
            raise CutError(f"The hub's answer broke off ({error}).") from error
    if not isinstance(said, dict):
        raise FetchError("What answers there does not speak like a model hub (KORA_HUB_URL).")
    return said
