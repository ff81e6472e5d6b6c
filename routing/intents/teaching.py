"""Has minds made in the background: who needs one, whose turn it is, and writing it down.

A mind carries the mark of what it was made of. Whoever's mark is another now is due; a lock of the
database keeps two workers from making the same, and falls with the worker that held it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, DecimalField, QuerySet, Sum
from django.db.models.functions import Extract

from inference import embedding
from inference.embedding import Embedder
from routing.intents import learning, minds, shipped
from routing.intents.learning import Lesson
from routing.intents.minds import Mind
from routing.intents.reporting import Report
from routing.models import IntentMind, TeamIntent

MOST_LEARNED = 30_000
"""Sentences of a team that are learned from; beyond, every intent gives as many as the others."""
AT_ONCE = 256
KEPT = 3
LOCK_KIND = 7_104
"""Beside the team's number in the name of the lock."""
LOCK: LiteralString = "SELECT pg_try_advisory_lock(%s, %s)"
UNLOCK: LiteralString = "SELECT pg_advisory_unlock(%s, %s)"
Scope = int | None
"""A team's id; None: the types that every team has."""


def due(embedder: str) -> list[Scope]:
    """Whose intents are not those that their mind was made of."""
    made = _made(embedder)
    wanted: dict[Scope, str] = {**dict.fromkeys(made, ""), None: shipped.mark()}
    wanted |= _marks(TeamIntent.objects.all())
    return [scope for scope, mark in wanted.items() if mark != made.get(scope)]


def teach(scope: Scope, embedder: Embedder) -> bool:
    """Makes a mind if there is need for one and nobody else is at it."""
    with _claimed(scope) as is_ours:
        if not is_ours:
            return False
        mark = shipped.mark() if scope is None else mark_of(scope)
        if mark == _made(embedder.name).get(scope):
            return False
        mind, report = _shipped(embedder) if scope is None else _own(scope, embedder)
        _store(scope, embedder.name, mind, {"mark": mark, **report.as_json()})
    return True


@contextlib.contextmanager
def _claimed(scope: Scope) -> Iterator[bool]:
    """The session's lock and no transaction's: one that idles while it learns is ended."""
    name = (LOCK_KIND, scope or 0)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, name)
        row = cursor.fetchone()
        is_ours = bool(row and row[0])
        try:
            yield is_ours
        finally:
            if is_ours:
                cursor.execute(UNLOCK, name)


def mark_of(team_id: int) -> str:
    """Of what a mind of this team would be made now; nothing where it has no intents."""
    return _marks(TeamIntent.objects.filter(team_id=team_id)).get(team_id, "")


def _marks(intents: QuerySet[TeamIntent]) -> dict[Scope, str]:
    """Whatever is added, changed, switched or taken away, in whatever order, moves a figure; to the
    microsecond, for two changes may fall into one second."""
    found = intents.filter(enabled=True).order_by().values("team_id")
    exact: DecimalField[Any, Any] = DecimalField(max_digits=30, decimal_places=6)
    moments = Sum(Extract("updated_at", "epoch"), output_field=exact)
    rows = found.annotate(number=Count("id"), moments=moments)
    return {row["team_id"]: f"{row['number']}:{row['moments']}" for row in rows}


def _made(embedder: str) -> dict[Scope, str]:
    """By scope, the mark of the newest mind."""
    newest = IntentMind.objects.filter(embedder=embedder).order_by("team_id", "-id")
    rows = newest.distinct("team_id").values_list("team_id", "report__mark")
    return {team_id: str(mark) for team_id, mark in rows}


def _shipped(embedder: Embedder) -> tuple[Mind, Report]:
    examples = shipped.examples()
    return learning.of_shipped(examples, _vectors(embedder, [each.text for each in examples], ""))


def _own(team_id: int, embedder: Embedder) -> tuple[Mind, Report]:
    pairs = _sentences(team_id)
    texts = [text for _, text in pairs]
    own = Lesson(
        kinds=tuple(name for name, _ in pairs),
        texts=tuple(texts),
        vectors=_vectors(embedder, texts, str(team_id)),
    )
    general = shipped.examples()
    said = tuple(each.text for each in general)
    return learning.of_team(
        own,
        Lesson(
            kinds=tuple(each.kind for each in general),
            texts=said,
            vectors=_vectors(embedder, said, ""),
        ),
    )


def _sentences(team_id: int) -> list[tuple[str, str]]:
    rows = TeamIntent.objects.filter(team_id=team_id, enabled=True).order_by("name")
    given = {row.name: [text for text in row.examples if text.strip()] for row in rows}
    each = max(1, MOST_LEARNED // max(1, len(given)))
    return [(name, text) for name, texts in given.items() for text in texts[:each]]


def _vectors(embedder: Embedder, texts: Sequence[str], domain: str) -> np.ndarray[Any, Any]:
    parts = [
        embedding.embed(embedder, texts[at : at + AT_ONCE], domain=domain).vectors
        for at in range(0, len(texts), AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, embedder.dimensions), np.float32)


def _store(scope: Scope, embedder: str, mind: Mind, report: dict[str, Any]) -> None:
    with transaction.atomic():
        _replace(scope, embedder, mind, report)


def _replace(scope: Scope, embedder: str, mind: Mind, report: dict[str, Any]) -> None:
    made = IntentMind.objects.create(
        team_id=scope, embedder=embedder, weights=minds.as_bytes(mind), report=report
    )
    kept = list(minds_of(scope).values_list("pk", flat=True)[:KEPT])
    minds_of(scope).filter(pk__lt=made.pk).exclude(pk__in=kept).delete()


def minds_of(scope: Scope) -> QuerySet[IntentMind]:
    """The newest first."""
    rows = IntentMind.objects.order_by("-id")
    return rows.filter(team__isnull=True) if scope is None else rows.filter(team_id=scope)
