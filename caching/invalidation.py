"""Drops stored answers by what they have in common; shows first what that would be."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from caching.errors import Unfit
from caching.models import Entry

BATCH = 1_000
SAMPLE = 10
LONGEST_AGO_S = 100 * 365 * 86_400.0
"""What is older is nothing, and dates do not go back for ever."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NOW = "SELECT clock_timestamp(), coalesce(max(id), 0) FROM caching_entry"


@dataclass(frozen=True, kw_only=True, slots=True)
class Criteria:
    """All that are given must hold; the whole cache is `pattern="*"`, never nothing at all."""

    ids: Sequence[int] = ()
    model: str = ""
    """The model asked for."""
    backend: str = ""
    """The backend that answered."""
    tag: str = ""
    """`name=value`, or the name alone for any value."""
    older_than_s: float | None = None
    pattern: str = ""
    """The question, with `*` for any text and `?` for one character; case does not matter."""
    intent: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """When somebody looked, and the newest entry that stood then; its text is for clients to send
    back as it came.

    An answer that is renewed keeps its id, and one that is just being written has an earlier time
    than its commit; so both are asked for.
    """

    at: datetime
    newest: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.newest}"


def read_look(text: str) -> Look:
    at, _, newest = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return Look(at=moment.astimezone(UTC) if moment.tzinfo else NEVER, newest=int(newest))
    except (ValueError, OverflowError) as error:
        raise Unfit("Send what a look told, as it came.", field="as_of") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    entry_id: int
    question: str
    backend: str
    created_at: datetime
    pinned: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    count: int
    bytes: int
    sample: tuple[Sample, ...]
    as_of: Look
    """What was shown: a drop that is given it drops nothing that came after."""


def find(team_ids: Collection[int], criteria: Criteria, as_of: Look | None = None) -> Found:
    """What `drop` would drop; changes nothing."""
    look = as_of or now()
    rows = _rows(team_ids, criteria, look)
    newest = rows.order_by("-id").only("question", "backend", "created_at", "pinned_at")[:SAMPLE]
    return Found(
        count=rows.count(),
        bytes=rows.aggregate(all=Sum("bytes"))["all"] or 0,
        sample=tuple(_sample(entry) for entry in newest),
        as_of=look,
    )


def drop(team_ids: Collection[int], criteria: Criteria, as_of: Look | None = None) -> int:
    """In batches, so that nobody waits for long; pinned ones as well: they were named.

    What was stored after the look, or while this runs, stays: it is newer than the wish.
    """
    rows = _rows(team_ids, criteria, as_of or now())
    dropped = 0
    while ids := list(rows.order_by("id").values_list("id", flat=True)[:BATCH]):
        dropped += _delete(ids)
    return dropped


def now() -> Look:
    """By the database's clock, which also dates most entries."""
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        at, newest = cursor.fetchone()
    return Look(at=at, newest=newest)


def _delete(ids: list[int]) -> int:
    _, counts = Entry.objects.filter(id__in=ids).delete()
    return counts.get("caching.Entry", 0)


def _rows(team_ids: Collection[int], criteria: Criteria, look: Look) -> QuerySet[Entry]:
    said = (getattr(criteria, field.name) for field in fields(criteria))
    if all(each is None or each in ("", (), []) for each in said):  # no ids are not all of them
        raise Unfit("Say which answers are meant; the pattern * means all.", field="pattern")
    return Entry.objects.filter(_meant(criteria, look), team_id__in=list(team_ids))


def _meant(criteria: Criteria, look: Look) -> Q:
    meant = Q(id__lte=look.newest, created_at__lte=look.at)
    if criteria.ids:
        meant &= Q(id__in=list(criteria.ids))
    if criteria.model:
        meant &= Q(model_asked=criteria.model)
    if criteria.backend:
        meant &= Q(backend=criteria.backend)
    if criteria.tag:
        meant &= _tagged(criteria.tag)
    if criteria.older_than_s is not None:
        age_s = min(criteria.older_than_s, LONGEST_AGO_S)
        meant &= Q(created_at__lt=look.at - timedelta(seconds=age_s))
    if criteria.pattern:
        meant &= Q(question__iregex=_regex(criteria.pattern))
    if criteria.intent is not None:
        meant &= Q(intent_id=criteria.intent)
    return meant


def _tagged(tag: str) -> Q:
    name, equals, value = tag.partition("=")
    return Q(tags__contains={name: value}) if equals else Q(tags__has_key=name)


def _regex(pattern: str) -> str:
    """Everything but the two signs means itself; Postgres compares it without going back."""
    signs = {"*": ".*", "?": "."}
    words = (signs.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return "^" + "".join(words).replace("\0", "") + "$"


def _sample(entry: Entry) -> Sample:
    return Sample(
        entry_id=entry.pk,
        question=entry.question,
        backend=entry.backend,
        created_at=entry.created_at,
        pinned=entry.pinned_at is not None,
    )
