"""Scenarios through OpenAI's own SDK: bad backends, the questions, and who has to pay for what."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.faults.lab import scripts
from tests.faults.lab.entries import Entry
from tests.faults.lab.provider import Lab
from tests.faults.lab.scripts import Manner
from tests.faults.plant import Booked, Plant
from tests.running import eventually

WORDS = 8
"""Of every answer that is whole."""
CHEAP = {"price_in": "1", "price_out": "2"}
DEAR = {"price_in": "20", "price_out": "40"}
"""What is cheap is asked first."""
BUSY_S = 3.0
"""What two busy cores may add to a promised second."""
both_modes = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
both_kinds = pytest.mark.parametrize("kind", ["openai-compatible", "cloud"])
HASTY = {"connect_s": 1, "first_token_s": 1, "between_tokens_s": 1, "total_s": 2}
PATIENT = {"connect_s": 5, "first_token_s": 20, "between_tokens_s": 20, "total_s": 30}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the SDK made of KORA's reply to one question."""

    session: str
    text: str = ""
    finish: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    error: openai.APIError | None = None
    began_s: float = 0.0
    ended_s: float = 0.0

    @property
    def took_s(self) -> float:
        return self.ended_s - self.began_s

    @property
    def backend(self) -> str:
        return self.headers["x-kora-backend"]

    @property
    def is_whole(self) -> bool:
        return self.error is None and self.text == scripts.text_of(WORDS) and self.finish == "stop"

    @property
    def is_honest(self) -> bool:
        """All of the answer, or an error: never a part of it that passes for the whole."""
        return self.is_whole or (self.error is not None and self.finish is None)


@dataclass(frozen=True, kw_only=True)
class Rig:
    plant: Plant
    lab: Lab

    def backend(self, name: str, *manners: Manner, kind: str, **fields: Any) -> int:
        """One that nobody else uses, with its script; returns its id."""
        price = fields.pop("price", CHEAP)
        script = fields.pop("script", {})
        self.lab.play(name, *manners, **price, **script)
        made = self.plant.post(
            "backends",
            {
                "name": name,
                "kind": kind,
                "model": f"openai/{name}" if kind == "cloud" else name,
                "api_base": self.lab.api_base(name),
                "secret": f"sk-{name}",
                "context": 50_000,
                "max_output": 1000,
                "max_parallel": 1000,
                "timeouts": PATIENT,
                **price,
                **fields,
            },
        )
        return int(made["id"])

    def alone(self, *manners: Manner, kind: str, **fields: Any) -> str:
        """A backend that has no other beside it; its name is also what is asked for."""
        name = f"lone-{uuid.uuid4().hex[:8]}"
        self.backend(name, *manners, kind=kind, **fields)
        self.plant.await_models(name)
        return name

    def pair(self, *manners: Manner, kind: str, **fields: Any) -> Pair:
        """A cheap one with these manners, a dear one that is good, and a key for just these two."""
        name = f"bad-{uuid.uuid4().hex[:8]}"
        spare = fields.pop("spare", {})
        self.backend(name, *manners, kind=kind, **fields)
        self.backend(f"{name}-spare", kind=kind, price=DEAR, **{"context": 100_000, **spare})
        self.plant.await_models(name, f"{name}-spare")
        return Pair(bad=name, good=f"{name}-spare", key=self.plant.key(name, name, f"{name}-spare"))

    # Questions

    def ask(self, model: str = "auto:cheap", *, stream: bool, key: str = "", **more: Any) -> Seen:
        """`retries` is the SDK's own `max_retries`; other words go into the body."""
        session = uuid.uuid4().hex
        headers = {"x-kora-session": session, **more.pop("headers", {})}
        words: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": f"question {session}"}],
            "max_tokens": 20,
            "extra_headers": headers,
        }
        began_s = time.monotonic()
        with self._client(key, more.pop("retries", 0)) as client:
            seen = _asked(client, {**words, **more}, stream=stream)
        seen = replace(seen, session=session, began_s=began_s, ended_s=time.monotonic())
        assert seen.is_honest, f"{seen.text!r} ended as {seen.finish} with {seen.error}"
        return seen

    def _client(self, key: str, retries: int) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{self.plant.kora.url}/v1",
            api_key=key or self.plant.kora.api_key,
            max_retries=retries,
            timeout=60,
        )

    # What came of them

    def asked(self, seen: Seen) -> list[Entry]:
        """What the provider saw of it, in order."""
        return self.lab.about(seen.session)

    def booked(self, seen: Seen) -> Booked:
        """Once it is closed: the SDK may have its answer some milliseconds before the book."""
        eventually(lambda: self._is_closed(seen), within_s=10, what="the end of the request")
        found = self.plant.booked(seen.session)
        assert found is not None
        return found

    def _is_closed(self, seen: Seen) -> bool:
        found = self.plant.booked(seen.session)
        return (
            found is not None
            and found.state != "open"
            and set(found.states) <= {"settled", "released"}
        )

    def why(self, seen: Seen) -> str:
        """Its receipt, for whoever reads of a failed test."""
        query = "SELECT receipt FROM analytics_exchange WHERE session = %s"
        return json.dumps([row["receipt"] for row in self.plant.rows(query, seen.session)])

    def is_billed_right(self, seen: Seen) -> Booked:
        """By backend, the book says what the provider's own bill says; nothing twice."""
        found = self.booked(seen)
        eventually(
            lambda: all(each.ended_at_s for each in self.asked(seen)),
            within_s=5,
            what="the provider's own end of it",
        )
        bill: dict[str, Decimal] = defaultdict(Decimal)
        for entry in self.asked(seen):
            bill[entry.model] += Decimal(entry.usd)
        book: dict[str, Decimal] = defaultdict(Decimal)
        for row in found.charged:
            book[row["backend"]] += row["cost"]
        assert {name: usd for name, usd in book.items() if usd} == {
            name: usd for name, usd in bill.items() if usd
        }
        assert found.cost == sum(book.values())
        assert len({row["attempt_id"] for row in found.charged}) == len(found.charged)
        return found


@dataclass(frozen=True, kw_only=True)
class Pair:
    bad: str
    good: str
    key: str


def _asked(client: openai.OpenAI, words: dict[str, Any], *, stream: bool) -> Seen:
    try:
        return (_streamed if stream else _whole)(client.chat.completions, words)
    except openai.APIError as error:
        return Seen(session="", error=error, headers=_headers(error))


def _headers(error: openai.APIError) -> Mapping[str, str]:
    return dict(error.response.headers) if isinstance(error, openai.APIStatusError) else {}


def _whole(completions: Any, words: dict[str, Any]) -> Seen:
    raw = completions.with_raw_response.create(**words)
    answer = raw.parse()
    choice = answer.choices[0]
    return Seen(
        session="",
        text=choice.message.content,
        finish=choice.finish_reason,
        usage=answer.usage.model_dump(),
        headers=dict(raw.headers),
    )


def _streamed(completions: Any, words: dict[str, Any]) -> Seen:
    raw = completions.with_raw_response.create(**words, stream=True)
    text, finish = "", None
    usage: dict[str, Any] = {}
    error: openai.APIError | None = None
    try:
        for chunk in raw.parse():
            usage = chunk.usage.model_dump() if chunk.usage else usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
    except openai.APIError as broke:
        error = broke
    return Seen(
        session="", text=text, finish=finish, usage=usage, headers=dict(raw.headers), error=error
    )
