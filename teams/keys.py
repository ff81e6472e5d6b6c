"""API keys: make, recognise without a query on the hot path, rotate, revoke."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.db import models

from teams import lookup
from teams.errors import InvalidKey
from teams.models import ApiKey, Scope, Team
from teams.values import Caller

PREFIX = "kora"
PUBLIC_LENGTH = 12
REMEMBERED_UNKNOWN = 10_000
REMEMBERED_MET = 10_000


class Issued(NamedTuple):
    """A key just made, with the only sight of its whole text."""

    key: ApiKey
    text: str


class _Known(NamedTuple):
    digest: str
    caller: Caller


_lock = threading.Lock()
_known: dict[str, _Known] = {}
_unknown: set[str] = set()
_met: dict[str, _Known] = {}
"""What was known of keys that were right once; good for the order in which calls wait, no more."""
_used: dict[int, float] = {}
_trusted_until = 0.0


def issue(team: Team, *, name: str, scopes: list[str] | None = None, **fields: object) -> Issued:
    public = secrets.token_hex(PUBLIC_LENGTH // 2)
    secret = secrets.token_urlsafe(32).replace("_", "-")
    key = ApiKey.objects.create(
        team=team,
        name=name,
        public=public,
        digest=digest(secret),
        last_four=secret[-4:],
        scopes=scopes or [Scope.INFER.value],
        **fields,
    )
    return Issued(key, f"{PREFIX}_{public}_{secret}")


def rotate(key: ApiKey, *, overlap: timedelta, by: str = "") -> Issued:
    """A successor with the same rights and as long a life; the old key lives on for `overlap`."""
    now = datetime.now(UTC)
    lifetime = None if key.expires_at is None else key.expires_at - key.created_at
    successor = issue(
        key.team,
        name=key.name,
        scopes=list(key.scopes),
        allowed_models=list(key.allowed_models),
        ip_ranges=list(key.ip_ranges),
        requests_per_minute=key.requests_per_minute,
        tokens_per_minute=key.tokens_per_minute,
        max_parallel=key.max_parallel,
        priority=key.priority,
        rotated_from=key,
        created_by=by,
        expires_at=None if lifetime is None else now + lifetime,
    )
    ends = now + overlap
    ApiKey.objects.filter(pk=key.pk).filter(
        models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=ends)
    ).update(expires_at=ends)
    return successor


def revoke(key: ApiKey) -> bool:
    return bool(
        ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(
            revoked_at=datetime.now(UTC)
        )
    )


def recognise(text: str) -> Caller:
    """The caller behind a key's text. Known keys cost a hash and no query."""
    public, secret = _split(text)
    known = _remembered(public) or _fetch(public)
    if known is None or not hmac.compare_digest(known.digest, digest(secret)):
        raise InvalidKey
    expires_at = known.caller.expires_at
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidKey
    _used[known.caller.key_id] = time.time()
    return known.caller


def met(text: str) -> Caller | None:
    """Who called with this key last, without asking anybody whether it still holds."""
    public, secret = _split(text)
    known = _met.get(public)
    if known is None or not hmac.compare_digest(known.digest, digest(secret)):
        return None
    return known.caller


def write_uses(connection: psycopg.Connection[Any]) -> None:
    """When each key was last used, for those used since the last writing; all or nothing."""
    taken = {key_id: _used.pop(key_id) for key_id in list(_used)}
    if not taken:
        return
    try:
        lookup.note_uses(connection, taken)
    except psycopg.Error:
        for key_id, at in taken.items():
            _used.setdefault(key_id, at)
        raise


def digest(secret: str) -> str:
    """A keyed fast hash is right: a key has far more random bits than anybody can try."""
    return hashlib.blake2b(secret.encode(), key=_pepper(), digest_size=32).hexdigest()


def forget_all() -> None:
    """Configuration changed somewhere: what is remembered may be revoked."""
    with _lock:
        _known.clear()
        _unknown.clear()


def trust_until(moment: float) -> None:
    """The revision was seen unchanged, so what is remembered holds until then (monotonic)."""
    global _trusted_until
    _trusted_until = moment


@lru_cache(maxsize=1)
def _pepper() -> bytes:
    return hashlib.sha256(b"kora api keys\0" + settings.SECRET_KEY.encode()).digest()


def _split(text: str) -> tuple[str, str]:
    prefix, _, rest = text.partition("_")
    public, _, secret = rest.partition("_")
    wellformed = len(public) == PUBLIC_LENGTH and public.isalnum() and public.isascii()
    if prefix != PREFIX or not wellformed or not 20 <= len(secret) <= 100 or not secret.isascii():
        raise InvalidKey
    return public, secret


def _remembered(public: str) -> _Known | None:
    if time.monotonic() > _trusted_until:
        return None
    if public in _unknown:
        raise InvalidKey
    return _known.get(public)


def _fetch(public: str) -> _Known | None:
    row = (
        ApiKey.objects.select_related("team").filter(public=public, revoked_at__isnull=True).first()
    )
    if row is None:
        with _lock:
            if len(_unknown) >= REMEMBERED_UNKNOWN:
                _unknown.pop()
            _unknown.add(public)
        return None
    known = _Known(row.digest, _caller(row))
    with _lock:
        _known[public] = _met[public] = known
        if len(_met) > REMEMBERED_MET:
            del _met[next(iter(_met))]
    return known


def _caller(row: ApiKey) -> Caller:
    return Caller(
        key_id=row.pk,
        key_public=row.public,
        key_name=row.name,
        team_id=row.team_id,
        team=row.team.name,
        organisation_id=row.team.organisation_id,
        scopes=frozenset(row.scopes),
        models=frozenset(row.allowed_models),
        ip_ranges=tuple(row.ip_ranges),
        requests_per_minute=row.requests_per_minute,
        tokens_per_minute=row.tokens_per_minute,
        max_parallel=row.max_parallel,
        team_requests_per_minute=row.team.requests_per_minute,
        team_tokens_per_minute=row.team.tokens_per_minute,
        team_max_parallel=row.team.max_parallel,
        share=row.team.share,
        priority=row.priority or row.team.priority,
        expires_at=row.expires_at,
    )
