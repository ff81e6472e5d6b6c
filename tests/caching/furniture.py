"""A team that has been answering for weeks: stored answers, evidence, patterns, imports, groups."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
from pgvector import HalfVector

from analytics.models import Exchange
from caching import answers
from caching.models import (
    Entry,
    EntryVector,
    Evidence,
    Generation,
    Import,
    Intent,
    Pattern,
    PatternStep,
    SharedGroup,
    Sharing,
)
from caching.question import questions
from caching.values import Question
from caching.vectors import index
from inference.embedding import USUAL, Embedded
from teams.models import Team

DIMENSIONS = 64
FAQ = (
    ("How do I get a refund?", "Open Orders, choose the order and press Refund. It takes 5 days."),
    ("How can I get my money back?", "Open Orders, choose the order and press Refund."),
    ("How do I cancel my subscription?", "Go to Settings, then Plan, and choose Cancel."),
    ("How do I get a refund for 2 orders?", "Refund each order by itself under Orders."),
    ("How do I not get a refund?", "Do nothing: refunds happen only when you ask for them."),
    ("What are your opening hours in Vienna?", "Monday to Friday, 9:00 to 17:00."),
    ("What are your opening hours in Berlin?", "Monday to Saturday, 10:00 to 18:00."),
    ("Can I pay by invoice?", "Companies can. Ask sales for an account.\nIt takes a day."),
    ("How long does shipping to Canada take?", "Seven to twelve working days, by air."),
    ("Do you ship to Canada?", "Yes, to every province; it takes seven to twelve days."),
)


class Words:
    """An embedder double: texts that share words lie near each other, always in the same way."""

    name = "words"
    dimensions = DIMENSIONS
    longest = 10_000
    wait_s = 0.0
    tokens_per_s = 0.0

    def warm(self) -> None:
        return None

    def close(self) -> None:
        return None

    def remembers(self, texts: Sequence[str], *, domain: str = "") -> bool:
        return False

    def submit(
        self, texts: Sequence[str], *, domain: str = "", memory: str = USUAL
    ) -> Future[Embedded]:
        made = Future[Embedded]()
        vectors = np.stack([self.of(text) for text in texts])
        made.set_result(Embedded(vectors=vectors, tokens=len(texts)))
        return made

    def of(self, text: str) -> Any:
        summed = np.full(DIMENSIONS, 0.05, dtype=np.float32)
        for word in text.lower().replace("?", "").split():
            seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest())
            summed += np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
        return summed / np.linalg.norm(summed)


def body(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    whole = {"object": "chat.completion", "created": 1, "model": "gpt", "choices": choices}
    return orjson.dumps(whole)


def read(text: str, model: str = "auto") -> Question:
    messages = [{"role": "user", "content": text}]
    found = questions.read({"model": model, "messages": messages}, form="chat", model=model)
    assert isinstance(found, Question)
    return found


def entry(team: Team, question: str, answer: str = "Yes.", **facts: Any) -> Entry:
    """One that a model answered; its vector stands in the live generation, if there is one."""
    asked, stored = read(question), body(answer)
    given: dict[str, Any] = {
        "scope": f"t:{team.pk}",
        "fingerprint": hashlib.sha256(question.encode()).hexdigest(),
        "surroundings": asked.surroundings,
        "model_asked": "auto",
        "backend": "openai/gpt-5-mini",
        "answer": stored,
        "answer_class": answers.class_of(stored),
        "cost": Decimal("0.00213"),
        "prompt_tokens": 412,
        "completion_tokens": 87,
        "exchange_id": uuid4(),
        "expires_at": datetime.now(UTC) + timedelta(days=5),
        "bytes": len(stored),
    }
    made = Entry.objects.create(team=team, question=asked.text, **{**given, **facts})
    place(made)
    return made


def place(made: Entry) -> None:
    live = Generation.objects.filter(state="live").first()
    if live is not None:
        EntryVector.objects.create(
            entry=made,
            generation=live,
            partition=index.partition(made.scope, made.surroundings),
            vector=HalfVector(Words().of(made.question)),
        )


def generation() -> Generation:
    found, _ = Generation.objects.get_or_create(
        embedder="words", dimensions=DIMENSIONS, defaults={"state": "live"}
    )
    return found


def furnish(team: Team) -> list[Entry]:
    """All of it; the answers come back, the newest last."""
    generation()
    intent = Intent.objects.create(
        team=team,
        name="get refund order",
        centre=HalfVector(Words().of("refund")),
        generation=generation(),
        weight=40,
    )
    made = [
        entry(team, question, answer, hits=hits, tags={"app": "shop"}, intent=intent, rights=3)
        for (question, answer), hits in zip(FAQ, (212, 40, 3, 0, 1, 77, 4, 0, 12, 9), strict=True)
    ]
    now = datetime.now(UTC)
    _be(made[5], pinned_at=now)
    _be(made[3], quarantined_at=now, quarantine="complaint", wrongs=2)
    _be(made[8], expires_at=now - timedelta(hours=3))
    _evidence(team, made)
    _traffic(team)
    pattern(team)
    _imports(team)
    return made


def _be(made: Entry, **facts: Any) -> None:
    for name, value in facts.items():
        setattr(made, name, value)
    made.save()


def _evidence(team: Team, made: list[Entry]) -> None:
    chance, now = random.Random(4), datetime.now(UTC)
    rows = []
    for number in range(420):
        source = chance.choice(["shadow", "shadow", "miss"])
        rows.append(
            Evidence(
                team=team,
                at=now - timedelta(hours=chance.uniform(0, 24 * 6.5)),
                entry=chance.choice(made),
                question="How would I go about getting a refund, please?",
                exchange_id=uuid4(),
                source=source,
                served=source == "shadow",
                similarity=chance.uniform(0.9, 0.99),
                weight=chance.choice([20.0, 50.0]) if source == "shadow" else 1.0,
                right=None if number % 40 == 0 else chance.random() > 0.012,
                judged_by=chance.choice(["equal", "embedding", "model", "unsure"]),
            )
        )
    Evidence.objects.bulk_create(rows)


def _traffic(team: Team) -> None:
    chance, now = random.Random(5), datetime.now(UTC)
    tiers = ["exact", "semantic", "semantic", "semantic", "pattern", "local", "cloud"]
    rows = []
    for _ in range(900):
        tier = chance.choice(tiers)
        free = tier in {"exact", "semantic", "pattern"}
        rows.append(
            Exchange(
                team=team,
                team_name=team.name,
                model_asked="auto",
                state="answered",
                status=200,
                tier=tier,
                backend="openai/gpt-5-mini",
                at=now - timedelta(hours=chance.uniform(0, 24 * 6.8)),
                saved=Decimal("0.0021") if free else Decimal(0),
                cost=Decimal(0) if free else Decimal("0.0021"),
            )
        )
    Exchange.objects.bulk_create(rows)


def pattern(team: Team, **facts: Any) -> Pattern:
    """A description that is filled instead of generated, as the miner proposes it."""
    sample = Exchange.objects.create(
        team=team,
        team_name=team.name,
        model_asked="auto",
        tier="cloud",
        backend="gpt",
        cost="0.004",
    )
    slot = {"shortest": 3, "longest": 20, "most_words": 2, "signs": ["a"], "shapes": ["a"]}
    slots = [
        {"name": "name", "kind": "phrase", "among": [], "steering": [], **slot},
        {"name": "colour", "kind": "word", "among": ["blue", "red"], "steering": [], **slot},
    ]
    constants = ["Write one sentence about the product “", "” in ", "."]
    recipe = {
        "when": {"prompt": {"constants": constants, "slots": slots}},
        "text": "Write one sentence about the product “{name}” in {colour}.",
        "answer": [
            "The ",
            {"does": "copy", "of": [0], "written": ""},
            " comes in a warm ",
            {"does": "lower", "of": [1], "written": ""},
            " that suits every room.",
        ],
    }
    evidence = {
        "requests": 612,
        "prompts": 180,
        "share": 0.183,
        "held_out": {"right": 138, "seen": 140, "low": 0.949, "high": 0.998},
        "stability": {"share": 0.986, "low": 0.949, "high": 0.998, "seen": 140},
        "usd_a_month": 18.42,
        "ms_a_month": 734_000.0,
    }
    given = {
        "name": "fill-write-sentence-product",
        "action": "fill",
        "scope": f"t:{team.pk}",
        "recipe": recipe,
        "evidence": evidence,
        "samples": [sample.pk],
    }
    made = Pattern.objects.create(team=team, **{**given, **facts})
    PatternStep.objects.create(pattern=made, became="proposed", actor="kora", why="found")
    return made


def _imports(team: Team) -> None:
    rejected = [{"line": 7, "why": "has no answer"}, {"line": 19, "why": "asks what line 3 asked"}]
    Import.objects.create(
        team=team,
        name="help-centre.csv",
        actor="owner@red.test",
        state="done",
        total=120,
        lines=120,
        taken=118,
        rejections=2,
        rejected=rejected,
        message="118 of 120 answers are in. 2 were refused.",
    )
    Import.objects.create(team=team, name="faq.jsonl", state="running", total=900, lines=410)


def group(team: Team, other: Team) -> SharedGroup:
    now = datetime.now(UTC)
    made = SharedGroup.objects.create(organisation=team.organisation, name="support-europe")
    Sharing.objects.create(group=made, team=team, invited_at=now, accepted_at=now, gives=True)
    Sharing.objects.create(group=made, team=other, invited_at=now)
    return made
