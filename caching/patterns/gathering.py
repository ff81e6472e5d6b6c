"""A team's own traffic out of the tables: stored answers, their vectors, their receipts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from analytics.models import Exchange
from caching import answers
from caching.models import Entry, EntryVector, Generation
from caching.patterns.traffic import Occurrence
from caching.scopes import of_user

MOST = 5_000
"""Of a team's newest answers, how many one run reads."""
FIELDS = (
    "id", "shell", "turn", "question", "surroundings", "answer", "answer_class", "backend",
    "exchange_id", "model_asked", "created_at", "cost", "latency_ms", "hits", "prompt_tokens",
    "completion_tokens", "intent_id", "quarantine",
)  # fmt: skip


def rows(team_id: int, *, most: int = MOST) -> list[Occurrence]:
    """The newest first; what belongs to one end user, was imported or edited teaches nothing."""
    found = list(_entries(team_id)[:most].values(*FIELDS))
    vectors, generation = _vectors([row["id"] for row in found])
    failed = _failed([row["exchange_id"] for row in found])
    return [_occurrence(row, vectors, failed, generation) for row in found]


def _entries(team_id: int) -> Any:
    own = Entry.objects.filter(team_id=team_id, pinned_at=None, imported=None)
    not_a_users = own.exclude(scope__startswith=of_user(team_id, ""))
    said = not_a_users.exclude(shell="", surroundings="")
    return said.exclude(quarantine="person").order_by("-id")


def _occurrence(
    row: dict[str, Any],
    vectors: dict[int, Any],
    failed: dict[UUID, tuple[str, ...]],
    generation: int,
) -> Occurrence:
    answer = bytes(row["answer"])
    said = _text(answer)
    return Occurrence(
        entry_id=row["id"],
        shell=row["shell"],
        turn=row["turn"],
        question=row["question"] if row["surroundings"] else "",
        surroundings=row["surroundings"],
        answer=said,
        answer_class=bytes(row["answer_class"]) or answers.class_of(answer),
        backend=row["backend"],
        exchange_id=row["exchange_id"],
        at_s=row["created_at"].timestamp(),
        cost=float(row["cost"]),
        latency_ms=row["latency_ms"],
        hits=row["hits"],
        model=_model(answer),
        asked=row["model_asked"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        intent=row["intent_id"],
        complained=bool(row["quarantine"]),
        vector=vectors.get(row["id"]),
        generation=generation,
        failed=failed.get(row["exchange_id"], ()),
    )


def _vectors(ids: Sequence[int]) -> tuple[dict[int, Any], int]:
    """Of the live generation; of another one they could not be compared with what is asked."""
    live = Generation.objects.filter(state="live").values_list("pk", flat=True).first()
    if live is None:
        return {}, 0
    rows = EntryVector.objects.filter(generation_id=live, entry_id__in=ids)
    pairs = rows.values_list("entry_id", "vector")
    return {entry: np.asarray(v, dtype=np.float32) for entry, v in pairs}, live


def _failed(exchanges: Iterable[UUID]) -> dict[UUID, tuple[str, ...]]:
    """Backends that were tried in vain before the one that answered."""
    rows = Exchange.objects.filter(pk__in=list(exchanges), attempts__gt=1)
    return {
        exchange: tuple(each["backend"] for each in receipt.get("attempts", ())[:-1])
        for exchange, receipt in rows.values_list("pk", "receipt")
    }


def _text(answer: bytes) -> str:
    """What was said, if that and a normal end is all there is of the answer."""
    try:
        choices = orjson.loads(answer)["choices"]
        message = choices[0]["message"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    extra = {name for name, value in message.items() if value} - {"role", "content"}
    said = message.get("content")
    plain = len(choices) == 1 and not extra and isinstance(said, str)
    return said if plain and not choices[0].get("logprobs") else ""


def _model(answer: bytes) -> str:
    try:
        return str(orjson.loads(answer).get("model", ""))
    except (ValueError, AttributeError):
        return ""
