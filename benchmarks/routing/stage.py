"""The decide stage of a web process, furnished in memory: backends, rules, a mind, requests."""

from __future__ import annotations

import gc
import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

from analytics.values import PriceTag
from routing import catalog, choosing, lessons, paces, questions, ruled, seats, vitals
from routing.catalog import Catalog
from routing.intents.values import Recognised
from routing.learning import estimating, evidence, features, fitting, lengths, projecting
from routing.learning.estimating import Mind
from routing.learning.evidence import Seen
from routing.learning.quality import Case
from routing.paces import Pace, Spread
from routing.policy.values import Backend
from routing.publishing import in_force
from routing.signals import reading
from routing.vitals import Vital
from routing.way import Incoming, Way
from teams.values import Caller

OUTCOMES = 4_000
WIDTH = 384
EMBEDDER = "made-up"
INTENTS = ("faq", "maths", "summary", "translation", "debugging", "extraction")
WORDS = (
    "refund", "order", "invoice", "please", "how", "many", "why", "does", "this", "function",
    "fail", "at", "12",
)  # fmt: skip
CALLER = Caller(
    key_id=1, key_public="k", key_name="app", team_id=1, team="red", organisation_id=1,
    scopes=frozenset({"infer"}),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """Milliseconds of each request, by the wall and by the processor, sorted."""

    wall: list[float]
    processor: list[float]


def furnish(chance: random.Random, *, backends: int, rules: int) -> None:
    """What a web process holds in memory: backends and how they do, a policy, a mind."""
    made = tuple(_backend(chance, number) for number in range(backends))
    vitals._vitals.clear()
    vitals._vitals.update({each.name: _vital(chance) for each in made})
    half = [_rule(chance, number, backends) for number in range(rules)]
    settings = {"sticky": {"enabled": False}, "explore": {"mode": "apply", "usd_a_day": 1e6}}
    policies = {
        None: in_force.compiled({"rules": half[::2], "settings": settings}, None, number=1),
        1: in_force.compiled({"rules": half[1::2]}, 1, number=2),
    }
    catalog._current = Catalog(
        revision=0, loaded_at=time.monotonic(), backends=made, budgets=(), policies=policies
    )
    catalog._vouched_until = seats._away_until = float("inf")  # nobody is asked
    lessons._mind = taught(chance, [each.name for each in made])
    lessons._known = ((), ())


def taught(chance: random.Random, names: Sequence[str]) -> Mind:
    """By outcomes of all of them, so that nothing is skipped for want of evidence."""
    numbers = np.random.default_rng(chance.randrange(2**32))
    projection = projecting.fit(numbers.normal(size=(400, WIDTH)), EMBEDDER)
    known = evidence.empty(len(features.NAMES), projection)
    seen = [_outcome(numbers, names, projection.width) for _ in range(OUTCOMES)]
    learned = fitting.fit(known, {})
    for start in range(0, OUTCOMES, 1_000):
        known = evidence.take(known, seen[start : start + 1_000], learned)
        learned = fitting.fit(known, {})
    return Mind(version=1, quality=learned, lengths=lengths.UNTAUGHT)


def _outcome(numbers: np.random.Generator, names: Sequence[str], width: int) -> Seen:
    row = numbers.normal(size=len(features.NAMES)) * 0.3
    row[0] = 1.0
    who = int(numbers.integers(len(names)))
    case = Case(
        features=row,
        reduced=numbers.normal(size=width) * 0.1,
        intent=INTENTS[int(numbers.integers(len(INTENTS)))],
        team_id=1,
    )
    reward = min(1.0, max(0.0, 0.3 + 0.5 * who / len(names) + 0.2 * float(numbers.normal())))
    return Seen(id=uuid.uuid4(), case=case, backend=names[who], reward=reward)


def _backend(chance: random.Random, number: int) -> Backend:
    price = PriceTag(
        price_id=None,
        price_in=Decimal(f"{chance.uniform(0.05, 5):.4f}"),
        price_out=Decimal(f"{chance.uniform(0.1, 25):.4f}"),
        price_cached_in=Decimal("0.02"),
    )
    able = {"tools", "json_schema", "vision"} if number % 3 else {"tools"}
    return Backend(
        backend_id=number, name=f"b{number}", kind="cloud", model=f"m{number}", version="1",
        price=price, context=chance.choice((8_192, 32_768, 128_000)), max_output=4_096,
        capabilities=frozenset(able), max_parallel=64, weight=1.0,
        quality=chance.uniform(0.3, 0.95), region=chance.choice(("eu", "us")),
        data_classes=frozenset({"internal"}),
    )  # fmt: skip


def _vital(chance: random.Random) -> Vital:
    first = Spread(mean=chance.uniform(-2, 0.5), variance=chance.uniform(0.1, 0.6), seen=20)
    speed = Spread(mean=chance.uniform(3, 5), variance=chance.uniform(0.05, 0.4), seen=20)
    pace = Pace(first_s=first, tps=speed)
    assert pace is not paces.UNSEEN
    return Vital(in_flight=chance.randrange(20), first_token_s=first.middle, pace=pace, changes=1)


def _rule(chance: random.Random, number: int, backends: int) -> dict[str, Any]:
    """Three leaves each; most hold of few requests, and those that hold let the next be asked."""
    leaves = [_leaf(chance) for _ in range(3)]
    branch = chance.choice(("all", "all", "any"))
    when: dict[str, Any] = {branch: leaves}
    if branch == "any":
        when = {"all": [{"signal": "tags.part", "is": f"p{number % 40}"}, when]}
    then: dict[str, Any] = {"avoid": [f"b{chance.randrange(backends)}"], "continue": True}
    if number % 5 == 0:
        then = {"set": {"max_latency_ms": 60_000}, "continue": True}
    return {"name": f"r{number}", "when": when, "then": then, "enabled": True}


def _leaf(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        (
            {"signal": "prompt_tokens", "more_than": chance.randrange(50, 4_000)},
            {"signal": "turns", "at_least": chance.randrange(2, 9)},
            {"signal": "language", "in": chance.sample(("en", "de", "fr", "es", "it"), 2)},
            {"signal": "tools", "is": chance.random() < 0.5},
            {"signal": "code", "is": chance.random() < 0.5},
            {"signal": "format", "is": chance.choice(("json", "table", "csv", "none"))},
            {"signal": "tags.app", "is": f"a{chance.randrange(30)}"},
            {"signal": "hour", "between": [8, chance.randrange(9, 20)]},
            {"signal": "model", "starts_with": "auto"},
            {"signal": "question", "contains": chance.choice(WORDS)},
            {"not": {"signal": "intent", "is": chance.choice(INTENTS)}},
            {"signal": "complexity", "less_than": chance.random()},
        )
    )


def ways(chance: random.Random, requests: int) -> Iterator[Way]:
    """Requests as they stand when the rules are asked: parsed, with signals and vector."""
    numbers = np.random.default_rng(chance.randrange(2**32))
    for _ in range(requests):
        prompt = questions.parse(_body(chance), {})
        way = Way(
            incoming=Incoming(raw=b"", headers={}, address="127.0.0.1"),
            known_caller=CALLER,
            known_prompt=prompt,
            known_signals=reading.read(prompt),
            known_standing=catalog.current().policy(CALLER.team_id),
        )
        way.vector = numbers.normal(size=WIDTH).astype(np.float32)
        way.recognised = Recognised(
            intent=chance.choice(INTENTS), confidence=0.9, by="examples", complexity=chance.random()
        )
        yield way


def _body(chance: random.Random) -> bytes:
    length = int(min(4_000, max(3, chance.lognormvariate(3.5, 1.2))))
    turns = [{"role": "system", "content": "You are kind."}] if chance.random() < 0.5 else []
    for _ in range(chance.choice((0, 0, 0, 1, 4))):
        turns += [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "So."}]
    turns.append({"role": "user", "content": " ".join(chance.choices(WORDS, k=length))})
    body: Mapping[str, Any] = {
        "model": chance.choice(("auto", "auto", "auto:cheap", "auto:fast", "auto:best")),
        "messages": turns,
        "kora": {"tags": {"app": f"a{chance.randrange(30)}", "part": f"p{chance.randrange(40)}"}},
        **({"max_tokens": chance.randrange(20, 1_000)} if chance.random() < 0.7 else {}),
        **({"tools": [{"type": "custom"}]} if chance.random() < 0.2 else {}),
    }
    return orjson.dumps(body)


def decide(way: Way, mind: Mind) -> None:
    """The three steps as `pipeline.decide` has them."""
    ruled.judge(way)
    asked = estimating.Asked(
        signals=way.signals.as_json(),
        recognised=way.recognised,
        team_id=CALLER.team_id,
        vector=way.vector,
        embedder=EMBEDDER,
    )
    way.outlook = estimating.look(mind, asked, lessons.known(catalog.current().backends))
    way.decision = choosing.decide(way)


def timed(asked: Sequence[Way]) -> Timed:
    """The first are left out: they warm what a running process has warm."""
    mind = lessons.mind()
    warming = asked[:200]
    for way in warming:
        decide(_again(way), mind)
    wall, processor = [], []
    gc.collect()
    for way in asked:
        began, spent = time.perf_counter_ns(), time.thread_time_ns()
        decide(way, mind)
        processor.append((time.thread_time_ns() - spent) / 1e6)
        wall.append((time.perf_counter_ns() - began) / 1e6)
    return Timed(wall=sorted(wall), processor=sorted(processor))


def _again(way: Way) -> Way:
    return replace(way, tries=[])
