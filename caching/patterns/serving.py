"""Patterns that stand for a team: which one a request follows, and what it gets (pure).

A request is read against templates and examples in memory; no database and no model is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import orjson

from caching import guards
from caching.patterns import filling, nearness, templates
from caching.patterns.filling import Answer
from caching.patterns.nearness import Near
from caching.patterns.templates import Template
from caching.values import Asked, Match, NoMatch
from inference import counting

NOBODY = UUID(int=0)
ANSWERING = frozenset({"serve", "fill"})
HINTING = frozenset({"pin", "strategy"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One canary or active pattern, ready to be matched."""

    pattern_id: int
    team_id: int
    name: str
    action: str
    scope: str
    surroundings: str
    share: float
    when: Template | Near
    answer: Answer | None = None
    backend: str = ""
    model: str = ""
    cost: Decimal = Decimal(0)
    prompt_tokens: int = 0
    source: UUID = NOBODY
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def reason(self) -> str:
        return f"pattern:{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """What worked for this kind of request: a backend to prefer where it is eligible."""

    pattern_id: int
    name: str
    backend: str
    reason: str = "hint"

    @property
    def because(self) -> str:
        return f"pattern:{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """A pattern knew an answer and a model is asked all the same, to see whether it is right."""

    pattern_id: int
    name: str
    said: str
    reason: str = "withheld"


Found = Match | Hint | Withheld | NoMatch
NOTHING = NoMatch(reason="no-patterns")
NO_PATTERN = NoMatch(reason="no-pattern-matched")


def match(asked: Asked, known: Sequence[Standing], *, draw: float, may_answer: bool) -> Found:
    """`draw` in [0, 1) decides whether a canary answers; without `may_answer` only hints count."""
    if not known:
        return NOTHING
    withheld: Withheld | None = None
    for each in known:
        values = _follows(each, asked)
        if values is None or (each.action in ANSWERING and not may_answer):
            continue
        found = _found(each, values, draw)
        if isinstance(found, Match | Hint):
            return withheld or found
        withheld = withheld or found
    return withheld or NO_PATTERN


def _found(each: Standing, values: tuple[str, ...], draw: float) -> Match | Hint | Withheld | None:
    """A pattern that is not to act on this request lets a later one be looked at."""
    acts = draw < each.share
    if each.action in HINTING:
        hint = Hint(pattern_id=each.pattern_id, name=each.name, backend=each.backend)
        return hint if acts else None
    said = each.answer.fill(values) if each.answer else None
    if said is None:
        return None
    if not acts:
        return Withheld(pattern_id=each.pattern_id, name=each.name, said=said)
    return _answer(each, said)


def _follows(each: Standing, asked: Asked) -> tuple[str, ...] | None:
    """The slots' values; none of them where an example says that the request is of the kind."""
    if each.scope not in asked.within or each.team_id != asked.team_id:
        return None
    if isinstance(each.when, Template):
        if not asked.shell or each.surroundings != asked.shell:
            return None
        wants_exact = each.action in ANSWERING and asked.similarity is not None
        return None if wants_exact else each.when.match(asked.turn)
    return () if _is_near(each, each.when, asked) else None


def _is_near(each: Standing, near: Near, asked: Asked) -> bool:
    question = asked.question
    if asked.vector is None or question is None or each.surroundings != question.surroundings:
        return False
    if asked.vector.shape[-1] != near.vectors.shape[1]:
        return False
    similarity, example = near.nearest(asked.vector)
    if similarity < max(near.similarity, asked.similarity or 0.0):
        return False
    return each.action in HINTING or not guards.disagreement(question.text, example)


def _answer(each: Standing, said: str) -> Match:
    completion = counting.count(said)
    return Match(
        tier="pattern",
        reason=each.reason,
        backend=each.backend,
        answer=_body(each, said, completion),
        chunks=None,
        cost=each.cost,
        prompt_tokens=each.prompt_tokens,
        completion_tokens=completion,
        exchange_id=each.source,
        created_at=each.since,
        age_s=0.0,
        pattern_id=each.pattern_id,
    )


def _body(each: Standing, said: str, completion_tokens: int) -> bytes:
    message = {"role": "assistant", "content": said}
    return orjson.dumps(
        {
            "object": "chat.completion",
            "created": int(datetime.now(UTC).timestamp()),
            "model": each.model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": each.prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": each.prompt_tokens + completion_tokens,
            },
        }
    )


class Kept(Protocol):
    """A pattern as it is stored."""

    pk: int
    team_id: int
    name: str
    action: str
    scope: str
    surroundings: str
    share: float
    recipe: Any
    samples: Any
    changed_at: datetime


def read(row: Kept) -> Standing:
    """KeyError, TypeError, ValueError or ArithmeticError if another release wrote it."""
    recipe: Mapping[str, Any] = row.recipe
    answer = recipe.get("answer")
    return Standing(
        pattern_id=row.pk,
        team_id=row.team_id,
        name=row.name,
        action=row.action,
        scope=row.scope,
        surroundings=row.surroundings,
        share=row.share,
        when=_when(recipe["when"]),
        answer=None if answer is None else filling.read(answer),
        backend=recipe.get("backend", ""),
        model=recipe.get("model", ""),
        cost=Decimal(recipe.get("cost", "0")),
        prompt_tokens=recipe.get("prompt_tokens", 0),
        source=row.samples[-1] if row.samples else NOBODY,
        since=row.changed_at,
    )


def _when(stored: Mapping[str, Any]) -> Template | Near:
    if "prompt" in stored:
        return templates.read(stored["prompt"])
    return nearness.read(stored["near"])
