"""Templated traffic for tests, and entries as if a model had answered it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson

from caching import answers
from caching.models import Entry
from caching.patterns.traffic import Occurrence
from teams.models import Team

NAMES = ("Kettle", "Lamp", "Chair Nova", "Desk", "Mug Duo")
COLOURS = ("red", "green", "blue", "white")
Pair = tuple[str, str]


def product(number: int) -> Pair:
    name, colour = f"{NAMES[number % 5]} {number}", COLOURS[number % 4]
    pieces, price = number % 17 + 2, number % 83 + 5
    asked = f"Write a description of the {name} in {colour}: {pieces} pieces at {price} USD each"
    told = f"The {name} comes in {colour}. {pieces} of them are {pieces * price} USD."
    return asked, told


def products(count: int, first: int = 0) -> list[Pair]:
    return [product(first + number) for number in range(count)]


def body(words: str) -> bytes:
    message = {"role": "assistant", "content": words}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"object": "chat.completion", "model": "m", "choices": [choice]})


def store(team: Team, shell: str, pairs: Sequence[Pair], **facts: Any) -> list[Entry]:
    """The oldest first, a minute apart, the last one now."""
    begin = datetime.now(UTC) - timedelta(minutes=len(pairs))
    rows = [
        _entry(team, shell, pair, begin + timedelta(minutes=number), facts)
        for number, pair in enumerate(pairs)
    ]
    return Entry.objects.bulk_create(rows)


def _entry(team: Team, shell: str, pair: Pair, at: datetime, facts: dict[str, Any]) -> Entry:
    answer = body(pair[1])
    plain: dict[str, Any] = {
        "scope": f"t:{team.pk}", "model_asked": "auto", "backend": "toy", "latency_ms": 900,
        "cost": Decimal("0.001"), "prompt_tokens": 30, "completion_tokens": 20,
        "answer_class": answers.class_of(answer),
    }  # fmt: skip
    return Entry(
        team=team, shell=shell, turn=pair[0], question=pair[0], answer=answer, created_at=at,
        expires_at=datetime.now(UTC) + timedelta(days=1), fingerprint=uuid4().hex,
        exchange_id=uuid4(), **{**plain, **facts},
    )  # fmt: skip


def occurrence(pair: Pair, number: int, **facts: Any) -> Occurrence:
    plain: dict[str, Any] = {
        "entry_id": number, "shell": "s", "turn": pair[0], "question": "", "surroundings": "",
        "answer": pair[1], "answer_class": pair[1].encode(), "backend": "toy",
        "at_s": number * 60.0, "exchange_id": uuid4(), "cost": 0.001, "latency_ms": 900.0,
    }  # fmt: skip
    return Occurrence(**{**plain, **facts})


def occurrences(pairs: Sequence[Pair], **facts: Any) -> list[Occurrence]:
    return [occurrence(pair, number, **facts) for number, pair in enumerate(pairs)]
