"""`/v1/completions`: what it takes, what it refuses, and that it is told in its own shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from analytics.models import Attempt, Price
from routing import questions
from routing.errors import InvalidRequest
from routing.models import Backend
from teams import keys
from teams.models import Organisation, Scope, Team
from tests.inference import provider
from tests.inference.provider import Provider
from tests.routing import inside
from tests.routing.inside import Heard, Inside

PATH = "/v1/completions"


def parsed(**fields: Any) -> questions.Prompt:
    return questions.parse(orjson.dumps({"model": "m", **fields}), {}, "text")


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_text_stays_as_it_is_and_is_short_unless_said_otherwise(prompt: object) -> None:
    found = parsed(prompt=prompt, best_of=1, echo=False)
    assert found.body == {"model": "m", "prompt": "Once", "max_tokens": 16}
    assert found.messages == [{"role": "user", "content": "Once"}]
    assert parsed(prompt="Once", max_tokens=3).max_tokens == 3
    assert parsed(prompt="Once", max_tokens=None).max_tokens == 16


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": "a", "messages": []}, "messages"),
        ({"prompt": "a", "echo": True}, "echo"),
        ({"prompt": "a", "suffix": "z"}, "suffix"),
        ({"prompt": "a", "best_of": 2}, "best_of"),
        ({"prompt": "a", "logprobs": 0}, "logprobs"),
        ({"prompt": "a", "max_tokens": "many"}, "max_tokens"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "a", "max_tokens": False}, "max_tokens"),
        ({"prompt": "a", "max_tokens": ""}, "max_tokens"),
        ({"prompt": "a", "max_tokens": []}, "max_tokens"),
    ],
)
def test_what_cannot_be_answered_faithfully_is_refused_by_name(
    fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parsed(**fields)
    assert refused.value.param == param


@pytest.fixture
def upstream() -> Iterator[Provider]:
    with provider.in_thread() as served:
        yield served


@pytest.fixture
def key(transactional_db: None, upstream: Provider, settings: Any) -> str:
    settings.KORA_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    Backend.objects.create(
        name="writer", kind="openai-compatible", model="text", api_base=upstream.api_base()
    )
    Backend.objects.create(name="talker", kind="sandbox", model="talker")
    for name, usd in (("writer", 2), ("talker", 1)):
        Price.objects.create(backend=name, price_in=usd, price_out=usd, price_cached_in=usd)
    team = Team.objects.create(organisation=Organisation.objects.create(name="Acme"), name="red")
    return keys.issue(team, name="app", scopes=[Scope.INFER]).text


def ask(kora: Inside, key: str, **fields: Any) -> Heard:
    body = orjson.dumps({"model": "auto", "prompt": "Once", **fields})
    return kora.ask(body, headers=[(b"authorization", f"Bearer {key}".encode())], path=PATH)


def told(heard: Heard) -> list[dict[str, Any]]:
    events = [line[6:] for line in heard.body.split(b"\n\n") if line.startswith(b"data: {")]
    return [orjson.loads(event) for event in events]


def test_only_a_backend_that_can_go_on_from_a_text_is_asked_and_its_answer_is_a_text(
    key: str,
) -> None:
    with inside.opened() as kora:
        whole = ask(kora, key)
        streamed = ask(kora, key, stream=True, temperature=0.5)
        again = ask(kora, key, temperature=0.5)
        replayed = ask(kora, key, stream=True)
        refused = ask(kora, key, model="talker")
    answer = whole.json()
    assert (answer["object"], answer["id"][:5]) == ("text_completion", "cmpl-")
    assert answer["choices"] == [
        {"index": 0, "text": provider.TEXT, "logprobs": None, "finish_reason": "stop"}
    ]
    assert answer["usage"]["completion_tokens"] == 7
    for heard in (streamed, replayed):
        chunks = told(heard)
        texts = [choice["text"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(texts) == provider.TEXT
        assert {chunk["object"] for chunk in chunks} == {"text_completion"}
        assert chunks[-1]["usage"]["prompt_tokens"] == 11
    assert [heard.headers["x-kora-tier"] for heard in (whole, streamed, again, replayed)] == [
        "cloud", "cloud", "exact", "exact"
    ]  # fmt: skip
    assert again.json()["choices"] == answer["choices"]
    assert (refused.status, refused.error["code"]) == (422, "infeasible")
    assert Attempt.objects.count() == 2
