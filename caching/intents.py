"""Kinds of questions that a team keeps asking: new ones join the nearest, old ones fade.

An answer without an intent is looked at in every run, and joins in one transaction with the
centre that it moves: a run that is killed loses nothing, and none counts an answer twice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.db.models import Count, F, FloatField, Max, Sum
from django.db.models.functions import Exp, Extract, Now
from pgvector import HalfVector

from caching.models import Entry, EntryVector, Generation, Intent
from caching.patterns import naming
from caching.scopes import of_user

if TYPE_CHECKING:
    from caching.values import Vector

MOST = 2_000
"""Answers without an intent that one run looks at, the newest first."""
NEAREST = 0.35
FARTHEST = 0.45
"""How far from its centre an intent takes questions in, however close or loose its own lie."""
SPREADS = 2.0
BORN = 5
"""Questions that make an intent."""
HALF_LIFE_S = 14 * 86_400.0
FADED = 0.5
"""The weight below which an intent without answers is forgotten."""
NAMED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    entry_id: int
    question: str
    vector: Vector


def gather(team_id: int) -> int:
    """One run over a team: join, be born, fade; how many answers found their intent."""
    generation = Generation.objects.filter(state="live").first()
    if generation is None:
        return 0
    found = 0
    for surroundings, rows in _homeless(team_id, generation.pk).items():
        left = _join(team_id, surroundings, rows, generation.pk)
        born = _born(team_id, surroundings, left, generation.pk)
        found += len(rows) - len(left) + born
    fade(team_id)
    return found


def reach(spread: float) -> float:
    """How far from the centre a question may lie to be one of the kind."""
    return min(max(NEAREST, SPREADS * spread), FARTHEST)


def clusters(vectors: Vector) -> list[list[int]]:
    """Rows around the fullest neighbourhoods; each row is in at most one (pure)."""
    near = vectors @ vectors.T >= 1 - NEAREST
    left = np.ones(len(vectors), dtype=bool)
    found = []
    while left.any():
        counts = (near & left).sum(axis=1) * left
        middle = int(counts.argmax())
        if counts[middle] < BORN:
            break
        members = np.flatnonzero(near[middle] & left)
        found.append([int(each) for each in members])
        left[members] = False
    return found


def _homeless(team_id: int, generation: int) -> dict[str, list[Placed]]:
    """Those of the team's own answers that no intent has yet, by what surrounds them."""
    rows = (
        EntryVector.objects.filter(
            generation_id=generation, entry__team_id=team_id, entry__intent=None
        )
        .exclude(entry__scope__startswith=of_user(team_id, ""))
        .exclude(entry__surroundings="")
        .order_by("-entry_id")
        .values_list("entry_id", "entry__question", "entry__surroundings", "vector")[:MOST]
    )
    found = defaultdict[str, list[Placed]](list)
    for entry_id, question, surroundings, vector in rows:
        placed = Placed(entry_id=entry_id, question=question, vector=_floats(vector))
        found[surroundings].append(placed)
    return found


def _join(team_id: int, surroundings: str, rows: Sequence[Placed], generation: int) -> list[Placed]:
    """The nearest intent takes each row that lies within its reach; the others are left."""
    known = list(
        Intent.objects.filter(
            team_id=team_id, surroundings=surroundings, generation_id=generation
        ).order_by("id")
    )
    if not known:
        return list(rows)
    centres = np.stack([_floats(intent.centre) for intent in known])
    near = np.stack([row.vector for row in rows]) @ centres.T
    chosen = near.argmax(axis=1)
    joined, left = defaultdict[int, list[Placed]](list), list[Placed]()
    for row, likeness, number in zip(rows, near.max(axis=1), chosen, strict=True):
        within = 1 - likeness <= reach(known[number].spread)
        (joined[int(number)] if within else left).append(row)
    for number, members in joined.items():
        _take(known[number].pk, members)
    return left


def _born(team_id: int, surroundings: str, rows: Sequence[Placed], generation: int) -> int:
    if len(rows) < BORN:
        return 0
    taken = 0
    for members in clusters(np.stack([row.vector for row in rows])):
        own = [rows[number] for number in members]
        with transaction.atomic():
            intent = Intent.objects.create(
                team_id=team_id,
                surroundings=surroundings,
                generation_id=generation,
                name=_name(team_id, own),
                centre=HalfVector(own[0].vector),
                facts={"members": 0},
            )
            _take(intent.pk, own)
        taken += len(own)
    return taken


def _take(intent_id: int, rows: Sequence[Placed]) -> None:
    """Members and centre move together; a row that somebody else has placed meanwhile stays his."""
    with transaction.atomic():
        intent = Intent.objects.select_for_update().get(pk=intent_id)
        ids = [row.entry_id for row in rows]
        free = Entry.objects.select_for_update().filter(pk__in=ids, intent=None).order_by("pk")
        placed = set(free.values_list("pk", flat=True))
        own = [row.vector for row in rows if row.entry_id in placed]
        if not own:
            return
        Entry.objects.filter(pk__in=placed).update(intent=intent)
        _move(intent, own)


def _move(intent: Intent, vectors: Sequence[Vector]) -> None:
    """The running mean of all members, and how far from it they lie on average."""
    before = int(intent.facts.get("members", 0))
    total = before + len(vectors)
    centre = _floats(intent.centre) * before + np.sum(vectors, axis=0)
    centre = centre / max(float(np.linalg.norm(centre)), 1e-9)
    away = float(np.mean([1 - float(vector @ centre) for vector in vectors]))
    intent.spread = (intent.spread * before + away * len(vectors)) / total
    intent.centre = HalfVector(centre.astype(np.float32))
    intent.facts = {**intent.facts, "members": total}
    intent.save(update_fields=["spread", "centre", "facts"])


def fade(team_id: int) -> None:
    """Weights are counted from the answers at hand, each worth half after two weeks; what their
    deletion would take away fades just as slowly."""
    now = datetime.now(UTC)
    volumes = _volumes(team_id)
    for intent in Intent.objects.filter(team_id=team_id):
        seen = volumes.get(intent.pk)
        rest_s = now.timestamp() - intent.facts.get("weighed_at", intent.created_at.timestamp())
        weight = max(seen["weight"] if seen else 0.0, intent.weight * 0.5 ** (rest_s / HALF_LIFE_S))
        if weight < FADED and seen is None:
            intent.delete()
            continue
        facts = {**intent.facts, **(_facts(seen) if seen else {}), "weighed_at": now.timestamp()}
        seen_at = seen["newest"] if seen else intent.seen_at
        rows = Intent.objects.filter(pk=intent.pk, facts=intent.facts)  # or somebody moved it
        rows.update(weight=weight, seen_at=seen_at, facts=facts)


def _facts(seen: dict[str, Any]) -> dict[str, Any]:
    return {
        "prompts": seen["prompts"],
        "requests": seen["requests"],
        "usd": f"{seen['usd']:f}",
        "answers": seen["classes"],
    }


def _volumes(team_id: int) -> dict[int, dict[str, Any]]:
    age_s = Extract(Now() - F("created_at"), "epoch")
    worth = Exp(-age_s * math.log(2) / HALF_LIFE_S, output_field=FloatField()) * (1 + F("hits"))
    rows = Entry.objects.filter(team_id=team_id, intent__isnull=False).values("intent_id")
    summed = rows.annotate(
        weight=Sum(worth, output_field=FloatField()),
        prompts=Count("id"),
        requests=Sum(1 + F("hits")),
        usd=Sum("cost"),
        classes=Count("answer_class", distinct=True),
        newest=Max("created_at"),
    )
    return {row["intent_id"]: dict(row) for row in summed.order_by()}


def _name(team_id: int, rows: Iterable[Placed]) -> str:
    name = naming.of_texts([row.question for row in rows][:NAMED])
    taken = Intent.objects.filter(team_id=team_id, name__startswith=name)
    names = set(taken.values_list("name", flat=True))
    return next(n for n in (name, *(f"{name} {k}" for k in range(2, 10_000))) if n not in names)


def _floats(vector: Any) -> Vector:
    """A column comes as a list."""
    return np.asarray(vector, dtype=np.float32)
