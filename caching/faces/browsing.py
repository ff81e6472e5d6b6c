"""Finding stored answers: by filters out of an address, page by page, or by what they mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from pgvector import HalfVector
from pgvector.django import CosineDistance

from caching.faces import contents
from caching.models import CacheTerms, Entry, EntryVector, Evidence
from teams.models import Team

if TYPE_CHECKING:
    from caching.values import Vector

PAGE = 50
NEAREST = 20
FARTHEST = 0.6
"""Cosine distance beyond which nothing is worth reading as a neighbour."""
STATES = ("live", "pinned", "quarantined", "expired")
FILTERS = ("q", "backend", "model", "tag", "state", "intent")
SHOWN = (
    "id",
    "team__name",
    "scope",
    "surroundings",
    "model_asked",
    "backend",
    "question",
    "answer",
    "cost",
    "tags",
    "created_at",
    "expires_at",
    "pinned_at",
    "quarantined_at",
    "quarantine",
    "rights",
    "wrongs",
    "hits",
    "last_hit_at",
    "intent__name",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One stored answer as the console tells of it."""

    entry: Entry
    state: str
    answer: str
    saved: Decimal
    similarity: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    rows: list[Row] = field(default_factory=list)
    older: str = ""
    """The cursor of the next page; empty on the last."""


def seen(team_ids: Collection[int] | None, team: str = "") -> QuerySet[Entry]:
    """The answers of these teams (None: of all), narrowed to one by name."""
    rows = Entry.objects.select_related("team", "intent")
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    return rows.filter(team__name=team) if team else rows


def narrowed(rows: QuerySet[Entry], asked: Mapping[str, str]) -> QuerySet[Entry]:
    if asked.get("q"):
        rows = rows.filter(question__icontains=asked["q"].replace("\0", ""))
    if asked.get("backend"):
        rows = rows.filter(backend=asked["backend"])
    if asked.get("model"):
        rows = rows.filter(model_asked__istartswith=asked["model"])
    if asked.get("intent"):
        rows = rows.filter(intent__name=asked["intent"])
    if asked.get("tag"):
        rows = rows.filter(tagged(asked["tag"]))
    return in_state(rows, asked.get("state", ""))


def tagged(words: str) -> Q:
    """`name=value`, or the name alone for any value."""
    name, equals, value = words.partition("=")
    return Q(tags__contains={name: value}) if equals else Q(tags__has_key=name)


def in_state(rows: QuerySet[Entry], state: str) -> QuerySet[Entry]:
    now = datetime.now(UTC)
    pinned, held = Q(pinned_at__isnull=False), Q(quarantined_at__isnull=False)
    meant = {
        "live": ~held & (pinned | Q(expires_at__gt=now)),
        "pinned": ~held & pinned,
        "quarantined": held,
        "expired": ~held & ~pinned & Q(expires_at__lte=now),
    }
    return rows.filter(meant[state]) if state in meant else rows


def state_of(entry: Entry) -> str:
    if entry.quarantined_at:
        return "quarantined"
    if entry.pinned_at:
        return "pinned"
    return "live" if entry.expires_at > datetime.now(UTC) else "expired"


def row_of(entry: Entry, similarity: float | None = None) -> Row:
    return Row(
        entry=entry,
        state=state_of(entry),
        answer=contents.text(entry.answer),
        saved=entry.cost * entry.hits,
        similarity=similarity,
    )


def page(rows: QuerySet[Entry], cursor: str) -> Page:
    """One query however deep the page lies."""
    if cursor.isdecimal() and len(cursor) < 19:
        rows = rows.filter(id__lt=int(cursor))
    found = list(rows.only(*SHOWN).order_by("-id")[: PAGE + 1])
    older = str(found[PAGE - 1].pk) if len(found) > PAGE else ""
    return Page(rows=[row_of(entry) for entry in found[:PAGE]], older=older)


def by_meaning(rows: QuerySet[Entry], vector: Vector) -> Page:
    """The nearest of these rows, whatever surrounds them: for reading, never for serving."""
    near = (
        _live_vectors(vector)
        .filter(entry__in=rows.order_by().values("pk"))
        .order_by("distance")
        .values_list("entry_id", "distance")[:NEAREST]
    )
    distances = dict(near)
    found = {entry.pk: entry for entry in rows.only(*SHOWN).filter(pk__in=list(distances))}
    ranked = [(found[pk], 1 - distance) for pk, distance in distances.items() if pk in found]
    return Page(rows=[row_of(entry, similarity) for entry, similarity in ranked])


def beside(entry: Entry, at_most: int = 10) -> Page:
    """What stands nearest in the same partition: what competes with it, or could answer for it."""
    own = EntryVector.objects.filter(entry=entry, generation__state="live").first()
    if own is None:
        return Page()
    near = _live_vectors(own.vector).filter(
        partition=own.partition, generation_id=own.generation_id
    )
    near = (
        near.filter(distance__lte=FARTHEST)
        .exclude(entry=entry)
        .select_related("entry")
        .defer("entry__chunks", "vector")
    )
    found = near.order_by("distance")[:at_most]
    return Page(rows=[row_of(each.entry, 1 - each.distance) for each in found])


def _live_vectors(vector: Any) -> Any:
    wanted = vector if isinstance(vector, HalfVector) else HalfVector(vector)
    live = EntryVector.objects.filter(generation__state="live")
    return live.annotate(distance=CosineDistance("vector", wanted))


def evidence_of(entry: Entry, at_most: int = 15) -> list[Evidence]:
    rows = Evidence.objects.filter(entry=entry).defer("answer", "features")
    return list(rows.order_by("-id")[:at_most])


def terms_of(team: Team) -> CacheTerms:
    """A team that has set nothing has the defaults, in no row yet."""
    found = CacheTerms.objects.filter(team=team).first()
    return found or CacheTerms(team=team, changed_at=datetime.now(UTC))
