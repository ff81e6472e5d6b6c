"""Every way a provider fails, in both modes, as OpenAI's own SDK sees it through KORA."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from routing.failover import failures, reactions
from tests import breaking
from tests.faults.plant import Booked, Plant
from tests.inference import provider
from tests.inference.provider import Provider

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]
CHEAP = {"price_in": "1", "price_out": "2"}
TIMES = {"connect_s": 1, "first_token_s": 1, "between_tokens_s": 1, "total_s": 1.5}
BILLED = frozenset({"timeout", "cut"})
"""Nobody knows whether the provider bills these: what was sent is settled as an estimate."""

BEFORE = [
    # scenario, whole, streamed: how the attempt is told to have failed
    ("429", "key_transient", "key_transient"),
    ("quota", "key_permanent", "key_permanent"),
    ("auth", "key_permanent", "key_permanent"),
    ("500", "server", "server"),
    ("503", "server", "server"),
    ("html_502", "server", "server"),
    ("redirect", "server", "server"),
    ("reset", "server", "server"),
    ("silent", "timeout", "timeout"),
    ("slow_first", "timeout", "timeout"),
    ("comments_only", "timeout", "timeout"),
    ("cut_before", "cut", "cut"),
    ("error_first", "key_transient", "key_transient"),
    ("misshapen", "malformed", "malformed"),
    ("bad_utf8", "malformed", "malformed"),
    ("context", "context", "context"),
]
AFTER = [
    ("cut_after", "cut"),
    ("stall", "timeout"),
    ("no_finish", "cut"),
    ("done_without_finish", "cut"),
    ("error_inside", "server"),
    ("malformed", "malformed"),
]
REFUSED = [("400", "client"), ("policy", "policy")]
ALL = [name for name, *_ in (*BEFORE, *AFTER, *REFUSED)]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A key for each bad provider: one that may also use a good one, and one that may not."""

    plant: Plant
    keys: dict[str, str]

    def client(self, key: str) -> openai.OpenAI:
        base = f"{self.plant.kora.url}/v1"
        return openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=60)

    def ask(self, scenario: str, *, stream: bool, alone: bool = False) -> Seen:
        breaking.forgive(self.plant.kora.services()["redis_url"])
        session = uuid.uuid4().hex
        key = self.plant.kora.api_key if alone else self.keys[scenario]
        words: dict[str, Any] = {
            "model": f"bad-{scenario}" if alone else "auto",
            "messages": [{"role": "user", "content": f"question {session}"}],
            "max_tokens": 10,
            "extra_headers": {"x-kora-session": session},
        }
        with self.client(key) as client:
            completions = client.chat.completions
            try:
                seen = _streamed(completions, words) if stream else _whole(completions, words)
            except openai.APIError as error:
                seen = Seen(error=error)
        return self._with_book(seen, session)

    def _with_book(self, seen: Seen, session: str) -> Seen:
        return Seen(text=seen.text, headers=seen.headers, error=seen.error, session=session)

    def booked(self, seen: Seen) -> Booked:
        found = self.plant.booked(seen.session)
        assert found is not None
        assert found.cost == sum(row["cost"] for row in found.charged)
        return found


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the SDK made of KORA's reply."""

    text: str = ""
    headers: dict[str, str] | None = None
    error: openai.APIError | None = None
    session: str = ""


def _whole(completions: Any, words: dict[str, Any]) -> Seen:
    raw = completions.with_raw_response.create(**words)
    return Seen(text=raw.parse().choices[0].message.content, headers=dict(raw.headers))


def _streamed(completions: Any, words: dict[str, Any]) -> Seen:
    raw = completions.with_raw_response.create(**words, stream=True)
    text = ""
    try:
        for chunk in raw.parse():
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
    except openai.APIError as error:
        return Seen(text=text, headers=dict(raw.headers), error=error)
    return Seen(text=text, headers=dict(raw.headers))


@pytest.fixture(scope="module")
def shop(plant: Plant) -> Iterator[Shop]:
    with provider.in_thread() as served:
        _stock(plant, served)
        yield Shop(
            plant=plant,
            keys={name: plant.key(f"bad-{name}", f"bad-{name}", "steady") for name in ALL},
        )


def _stock(plant: Plant, served: Provider) -> None:
    for name in ALL:
        plant.backend(
            f"bad-{name}",
            kind="openai-compatible",
            model=name,
            api_base=served.api_base(name),
            timeouts=TIMES,
            context=50_000,  # less than the good one's
            **CHEAP,
        )
    plant.await_models(*(f"bad-{name}" for name in ALL))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("scenario", "whole", "streamed"), BEFORE)
def test_before_the_content_the_next_backend_answers(
    scenario: str, whole: str, streamed: str, stream: bool, shop: Shop
) -> None:
    failure = streamed if stream else whole
    seen = shop.ask(scenario, stream=stream)
    assert seen.error is None and seen.headers is not None
    assert seen.text
    assert seen.headers["x-kora-backend"] == "steady"
    assert seen.headers["x-kora-reason"] == f"fallback:{failure}"
    assert seen.headers["x-kora-attempts"] == "2"
    booked = shop.booked(seen)
    assert booked.state == "answered"
    assert booked.failures == [failure, ""]
    assert booked.states == ["settled" if failure in BILLED else "released", "settled"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("scenario", "whole", "streamed"), BEFORE)
def test_with_no_other_backend_the_sdk_raises_what_openai_would(
    scenario: str, whole: str, streamed: str, stream: bool, shop: Shop
) -> None:
    failure = streamed if stream else whole
    seen = shop.ask(scenario, stream=stream, alone=True)
    assert not seen.text
    if failure == "context":
        assert isinstance(seen.error, openai.BadRequestError)
    else:
        assert isinstance(seen.error, openai.InternalServerError)
        assert (seen.error.status_code, seen.error.code) == (502, "upstream_failed")
        assert isinstance(seen.error.body, dict)
        attempts = seen.error.body["attempts"]
        most = 1 + reactions.RETRIES if failure in failures.AGAIN else 1
        assert {attempt["failure"] for attempt in attempts} == {failure}
        assert len(attempts) <= most
        assert "sk-test" not in str(seen.error.body)
    if failure != "context":
        assert shop.booked(seen).state == "failed"


@pytest.mark.parametrize(("scenario", "failure"), AFTER)
def test_after_the_content_the_stream_ends_with_an_error(
    scenario: str, failure: str, shop: Shop
) -> None:
    seen = shop.ask(scenario, stream=True)
    assert seen.text.startswith("Hello")
    assert isinstance(seen.error, openai.APIError)
    assert seen.error.code == "upstream_failed"
    booked = shop.booked(seen)
    assert (booked.state, booked.failures, booked.states) == ("failed", [failure], ["settled"])
    assert booked.charged[0]["completion_tokens"] > 0
    assert booked.charged[0]["estimated"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("scenario", "failure"), REFUSED)
def test_what_the_client_has_to_change_is_tried_nowhere_else(
    scenario: str, failure: str, stream: bool, shop: Shop
) -> None:
    seen = shop.ask(scenario, stream=stream)
    assert isinstance(seen.error, openai.BadRequestError)
    assert "sk-test" not in str(seen.error.body)


def test_no_hold_is_left_and_the_books_agree(shop: Shop) -> None:
    shop.plant.recovers()
