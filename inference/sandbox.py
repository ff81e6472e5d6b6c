"""The built-in sandbox provider: free, deterministic, as slow or broken as its operator asks."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any

from inference import sandbox_answers, shapes
from inference.sandbox_answers import Answer, Choice
from inference.timing import Clock
from inference.words import Body, Call, Completion, Delta, EngineError, Event, Failure, Target

SLOW = frozenset({"slow_first", "slow_tokens", "silence"})
FAILURES: Mapping[str, tuple[Failure, int | None, str]] = {
    "cut": (Failure.CUT, None, "the stream ended without a finish"),
    "rate_limit": (Failure.KEY_TRANSIENT, 429, "too many requests"),
    "unauthorized": (Failure.KEY_PERMANENT, 401, "the key was refused"),
    "server_error": (Failure.SERVER, 500, "internal error"),
    "context": (Failure.CONTEXT, 400, "the prompt is longer than the model's context"),
    "policy": (Failure.POLICY, 400, "the content policy forbids an answer"),
    "malformed": (Failure.MALFORMED, None, "a chunk is no chat completion"),
}
MODES = SLOW | FAILURES.keys()
AFTER = {"cut": 3, "slow_tokens": 3, "malformed": 3}
"""After how many chunks of content these fail unless `fail_after` says; the others at once."""

FOREVER_S = 1e9
MOST_ANSWERS, LONGEST_ANSWER = 2_000, 1_000


def _number(low: float, high: float) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        )

    return fits


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_ANSWERS
        and all(isinstance(text, str) and len(text) <= LONGEST_ANSWER for text in value.values())
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "first_token_ms": (_number(0, 600_000), "a number from 0 to 600000"),
    "token_ms": (_number(0, 60_000), "a number from 0 to 60000"),
    "fail": (lambda value: value in MODES, f"one of {', '.join(sorted(MODES))}"),
    "fail_after": (lambda value: _whole(value) and value >= 0, "a whole number from 0"),
    "fail_rate": (_number(0, 1), "a number from 0 to 1"),
    "seed": (_whole, "a whole number"),
    "retry_after_s": (_number(0, 86_400), "a number from 0 to 86400"),
    "reply": (lambda value: isinstance(value, str), "a text"),
    "answers": (
        _is_table,
        f"at most {MOST_ANSWERS} texts by the first 16 digits of their question's SHA-256",
    ),
}


def check_options(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with a backend's options, a sentence each; empty when nothing is."""
    wrong = [f"{name} is no option of the sandbox" for name in options if name not in OPTIONS]
    for name, (fits, wanted) in OPTIONS.items():
        if name in options and not _fits(fits, options[name]):
            wrong.append(f"{name} must be {wanted}")
    if "fail" not in options:
        wrong += [f"{name} needs fail" for name in ("fail_after", "fail_rate") if name in options]
    return wrong


def _fits(fits: Callable[[Any], bool], value: Any) -> bool:
    try:
        return fits(value)
    except TypeError:  # a list is no member of a set
        return False


class Sandbox:
    """Remembers only how often each backend was called, to fail at the rate asked for."""

    def __init__(self) -> None:
        self._dice: dict[tuple[str, int], random.Random] = {}

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        answer = _answer(call.body, target.options)
        course = Course(target, call, fail=self._fails(target))
        if not call.stream:
            await course.whole(answer)
            yield _completed(answer, target, call)
            return
        await course.begin()
        for chunk in _chunks(answer, target, call):
            has_content = _has_content(chunk)
            if has_content:
                await course.token()
            yield Delta(chunk=chunk, has_content=has_content)
        await course.end()
        yield Completion(body={}, usage=answer.usage, finish_reason=answer.choices[0].finish_reason)

    async def close(self) -> None:
        self._dice.clear()

    def _fails(self, target: Target) -> str:
        """The n-th call to a backend fails or not by its seed, whatever else is running."""
        options = target.options
        seed = int(options.get("seed", 0))
        dice = self._dice.setdefault((target.name, seed), random.Random(seed))  # noqa: S311
        unlucky = dice.random() < options.get("fail_rate", 1.0)
        return str(options.get("fail", "")) if unlucky else ""


def _answer(body: Body, options: Mapping[str, Any]) -> Answer:
    try:
        return sandbox_answers.answer(body, options)
    except shapes.UnusableSchema as error:
        raise EngineError(Failure.CLIENT, f"{error.__doc__}", status=400) from error


class Course:
    """The time a call takes, and where on its way it fails."""

    def __init__(self, target: Target, call: Call, *, fail: str) -> None:
        self._options = target.options
        self._clock = Clock(target.timeouts, call)
        self._fail = fail
        self._fail_after = int(target.options.get("fail_after", AFTER.get(fail, 0)))
        self._tokens = 0

    async def begin(self) -> None:
        if self._fail == "silence":
            await self._break()

    async def token(self) -> None:
        """Waits for the next chunk of content, or fails in its place."""
        wait_ms = self._options.get("token_ms" if self._tokens else "first_token_ms", 0)
        if self._due():
            await self._break()
        await self._wait(wait_ms / 1000)
        self._tokens += 1
        self._clock.content()

    async def whole(self, answer: Answer) -> None:
        if self._fail:
            await self._break()
        rest = max(sum(len(choice.words) for choice in answer.choices) - 1, 0)
        options = self._options
        await self._wait(
            (options.get("first_token_ms", 0) + rest * options.get("token_ms", 0)) / 1000
        )

    async def end(self) -> None:
        """An answer shorter than `fail_after` fails at its end."""
        if self._fail:
            await self._break()

    def _due(self) -> bool:
        return bool(self._fail) and self._tokens >= self._fail_after

    async def _break(self) -> None:
        if self._fail in SLOW:
            await self._wait(FOREVER_S)
        failure, status, message = FAILURES[self._fail]
        retry_after_s = (
            self._options.get("retry_after_s", 1) if self._fail == "rate_limit" else None
        )
        raise EngineError(
            failure,
            f"the sandbox was told to fail: {message}",
            retry_after_s=retry_after_s,
            status=status,
        )

    async def _wait(self, seconds: float) -> None:
        left = self._clock.until - asyncio.get_running_loop().time()
        await asyncio.sleep(max(min(seconds, left), 0))
        if seconds > left:
            raise EngineError(Failure.TIMEOUT, f"no {self._clock.waiting_for} in time")


def _completed(answer: Answer, target: Target, call: Call) -> Completion:
    choices = []
    for index, choice in enumerate(answer.choices):
        probabilities = _logprobs(call.body, choice.words)
        choices.append(
            {
                "index": index,
                "message": choice.message,
                "logprobs": probabilities,
                "finish_reason": choice.finish_reason,
            }
        )
    usage = answer.usage
    body = {**_envelope(answer, target, kind="chat.completion"), "choices": choices}
    body["usage"] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    return Completion(body=body, usage=usage, finish_reason=answer.choices[0].finish_reason)


def _chunks(answer: Answer, target: Target, call: Call) -> Iterator[Body]:
    envelope = _envelope(answer, target, kind="chat.completion.chunk")
    for index, choice in enumerate(answer.choices):
        for delta, words in _deltas(choice):
            part = {"index": index, "delta": delta, "logprobs": _logprobs(call.body, words)}
            yield {**envelope, "choices": [{**part, "finish_reason": None}]}
        last = {"index": index, "delta": {}, "logprobs": None}
        yield {**envelope, "choices": [{**last, "finish_reason": choice.finish_reason}]}


def _deltas(choice: Choice) -> Iterator[tuple[Body, list[str]]]:
    yield {"role": "assistant", "content": None if choice.tool_calls else ""}, []
    for number, called in enumerate(choice.tool_calls):
        yield {"tool_calls": [{"index": number, **called}]}, []
    for word in choice.words:
        yield {"content": word}, [word]


def _has_content(chunk: Body) -> bool:
    delta = chunk["choices"][0]["delta"]
    return bool(delta.get("content") or delta.get("tool_calls"))


def _logprobs(body: Body, words: list[str]) -> Body | None:
    return sandbox_answers.logprobs(words) if body.get("logprobs") and words else None


def _envelope(answer: Answer, target: Target, *, kind: str) -> Body:
    return {
        "id": answer.id,
        "object": kind,
        "created": int(time.time()),
        "model": target.model,
        "system_fingerprint": "kora-sandbox",
    }
