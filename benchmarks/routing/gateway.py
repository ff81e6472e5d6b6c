"""The same table through a running KORA: sandbox backends answer with their score at the question,
the client sends it back as feedback, and what was learned is asked for at the end."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from typing import Any

import numpy as np

from benchmarks import kora, suite
from benchmarks.kora import Kora
from benchmarks.overhead import Bar
from benchmarks.routing import scored
from benchmarks.routing.bench import Found, Given
from benchmarks.routing.scored import Floats, Numbers, Table
from inference import sandbox_answers

QUESTIONS = 600
MODELS = 4
"""The best ones of the table that cost different amounts, so that some hundred questions tell."""
LEARNED_WITHIN_S = 20.0
EXPLORE = {"mode": "apply", "share": 0.3, "sharpness": 50, "usd_a_day": 100}


def measure(given: Given) -> Found | None:
    whole = scored.read()
    if whole is None:
        return None
    chance = np.random.default_rng(given.seed)
    number = given.options.requests or QUESTIONS
    places = chance.permutation(len(whole.texts))[:number]
    models = np.argsort(-whole.scores.mean(axis=0))[[0, 2, 3, 5]]
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=False)
        backends = [_backend(whole, int(model), places) for model in models]
        running = stack.enter_context(kora.serving(folder, backends=backends))
        _only_these(running, backends)
        told = [_ask(running, whole.texts[place]) for place in places.tolist()]
        learned = _learned(running, number)
    return _found(whole, models, places, told, learned)


def _backend(table: Table, model: int, places: Numbers) -> dict[str, Any]:
    answers = {
        sandbox_answers.mark(table.texts[place]): f"score {table.scores[place, model]:.4f}"
        for place in places.tolist()
    }
    price = table.costs[:, model].mean() / (scored.TOKENS_OUT + 100) * 1e6
    return {
        "name": table.models[model],
        "kind": "sandbox",
        "model": "table",
        "quality": 0.5,
        "context": 32_768,
        "price_in": f"{price:.4f}",
        "price_out": f"{price:.4f}",
        "price_cached_in": f"{price:.4f}",
        "options": {"answers": answers},
        "enabled": True,
    }


def _only_these(running: Kora, backends: list[dict[str, Any]]) -> None:
    """Everyone's policy: no backend but these, and trying out is on."""
    names = [str(each["name"]) for each in backends]
    rule = {"name": "table", "when": {}, "then": {"only": names}}
    _do(running, "POST", "rules/?everyone=true", {**rule, "team": None})
    settings = {"explore": EXPLORE, "weights": {"auto": {"usd": 0, "miss": 0}}}
    _do(running, "PATCH", "policies/settings/?everyone=true", {"settings": settings})
    drafts = _do(running, "GET", "policies/?state=draft&everyone=true", None)["results"]
    _do(running, "POST", f"policies/{drafts[0]['id']}/publish/", {"note": "bench"})
    time.sleep(1.0)


def _do(running: Kora, method: str, path: str, content: Any) -> dict[str, Any]:
    asked = urllib.request.Request(
        f"{running.url}/api/{path}",
        None if content is None else json.dumps(content).encode(),
        {"Authorization": f"Bearer {running.admin_key}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _ask(running: Kora, text: str) -> tuple[str, float]:
    """Which backend answered, and the score that it gave itself, which is told as feedback."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    asked = urllib.request.Request(
        running.chat,
        json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {running.key}",
            "Content-Type": "application/json",
            "x-kora-cache": "no-cache",
        },
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        backend, request_id = answer.headers["x-kora-backend"], answer.headers["x-kora-request-id"]
        said = json.load(answer)["choices"][0]["message"]["content"]
    score = float(said.removeprefix("score "))
    word = {"request_id": request_id, "score": score}
    status, told = kora.post(f"{running.url}/v1/feedback", word, running.key)
    if status != 200:
        raise SystemExit(f"KORA refused feedback: {status} {told}")
    return backend, score


def _learned(running: Kora, number: int) -> dict[str, Any]:
    """The newest version, once it has taken in every word."""
    ends = time.monotonic() + LEARNED_WITHIN_S
    while True:
        versions = _do(running, "GET", "learning/?page_size=1", None)["results"]
        if (versions and versions[0]["judged"] >= number) or time.monotonic() > ends:
            found: dict[str, Any] = versions[0] if versions else {}
            return found
        time.sleep(0.5)


def _found(
    table: Table, models: Numbers, places: Numbers, told: list[tuple[str, float]], learned: Any
) -> Found:
    scores: Floats = table.scores[np.ix_(places, models)]
    rewards = np.array([score for _, score in told])
    names = [table.models[model] for model in models]
    half = len(rewards) // 2
    return {
        "questions": len(places),
        "rows": [
            {"method": "random", "reward": float(scores.mean())},
            *(
                {"method": f"always {name}", "reward": float(scores[:, place].mean())}
                for place, name in enumerate(names)
            ),
            {"method": "KORA", "reward": float(rewards.mean())},
            {"method": "KORA, second half", "reward": float(rewards[half:].mean())},
            {
                "method": "best single, second half",
                "reward": float(scores[half:].mean(axis=0).max()),
            },
            {"method": "oracle", "reward": float(scores.max(axis=1).mean())},
        ],
        "share": {name: sum(who == name for who, _ in told) / len(told) for name in names},
        "learned": learned,
    }


def table(found: Found) -> str:
    lines = [f"{found['questions']} questions through /v1/chat/completions, one after the other\n"]
    lines += [f"{row['method']:<48}{row['reward']:>8.4f}" for row in found["rows"]]
    lines += [f"  to {name:<45}{share:>7.1%}" for name, share in found["share"].items()]
    learned = found["learned"]
    lines.append(f"version {learned.get('version')}: {learned.get('judged')} outcomes judged, "
                 f"error {learned.get('error')}")  # fmt: skip
    return "\n".join(lines)


def bars(found: Found) -> list[Bar]:
    rewards = {row["method"]: row["reward"] for row in found["rows"]}
    ahead = round(rewards["KORA"] - rewards["random"], 4)
    judged = found["learned"].get("judged", 0)
    return [
        Bar(text="gateway: every word was learned from, of all", value=judged / found["questions"],
            bound=1.0, at_most=False),
        Bar(text="gateway: reward above random", value=ahead, bound=0.0, at_most=False),
    ]  # fmt: skip
