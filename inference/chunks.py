"""What the fields of OpenAI's answers and chunks say, read without trusting their sender."""

from __future__ import annotations

from typing import Any

from inference import counting
from inference.words import Body, Completion, Delta, Usage

CONTENT = (
    "content",
    "reasoning_content",
    "reasoning",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
)


class MisshapenError(Exception):
    """The JSON is well formed but is no chat completion."""


def has_content(chunk: Body) -> bool:
    """Whether a reader would see anything of it: a first chunk often only names the role."""
    for choice in chunk["choices"]:
        delta = choice.get("delta")
        if delta:
            for name in CONTENT:
                if delta.get(name):
                    return True
    return False


def read_usage(reported: Any) -> Usage | None:
    """None when nothing was reported; a reported zero is a report."""
    if not isinstance(reported, dict) or "prompt_tokens" not in reported:
        return None
    prompt, completion = _number(reported, "prompt_tokens"), _number(reported, "completion_tokens")
    cached = _number(reported.get("prompt_tokens_details"), "cached_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached or _number(reported, "prompt_cache_hit_tokens"),
        reasoning_tokens=_number(reported.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _number(reported: Any, name: str) -> int:
    value = reported.get(name) if isinstance(reported, dict) else 0
    return max(int(value), 0) if isinstance(value, int) else 0


def completion(answer: Body, *, asked: Body) -> Completion:
    """A whole answer; its tokens are estimated when the backend did not count them."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise MisshapenError
    if not isinstance(choices[0].get("message"), dict):
        raise MisshapenError
    usage = read_usage(answer.get("usage")) or Usage(
        prompt_tokens=counting.estimate_tokens(asked),
        completion_tokens=counting.estimate_completion(answer),
        estimated=True,
    )
    finish = choices[0].get("finish_reason") or "stop"
    return Completion(body=answer, usage=usage, finish_reason=str(finish))


def vectors(answer: Body, *, asked: Body) -> Completion:
    """An answer of /embeddings: a vector, in either coding, for each input in order."""
    listed = answer.get("data")
    whole = isinstance(listed, list) and bool(listed) and all(_is_vector(each) for each in listed)
    if not whole:
        raise MisshapenError
    usage = read_usage(answer.get("usage")) or Usage(
        prompt_tokens=counting.estimate_tokens(asked), completion_tokens=0, estimated=True
    )
    return Completion(body=answer, usage=usage)


def _is_vector(given: object) -> bool:
    vector = given.get("embedding") if isinstance(given, dict) else None
    return isinstance(vector, str | list) and bool(vector)


class Reading:
    """What has been learned so far from a stream's chunks."""

    def __init__(self, asked: Body) -> None:
        self._asked = asked
        self._usage: Usage | None = None
        self._bytes = 0
        self._finish_reason = ""
        self._unfinished: set[int] = set()
        self.begun = False

    def take(self, chunk: Body) -> Delta | None:
        """The delta to pass on, or None for a chunk that only reports."""
        usage = read_usage(chunk.pop("usage", None))
        self._usage = usage or self._usage
        choices = chunk.get("choices")
        try:
            if not choices or (usage and _blank(choices)):
                _check_report(chunk, usage)
                return None
            delta = Delta(chunk=chunk, has_content=has_content(chunk))
            self._note(choices)
        except (AttributeError, TypeError, KeyError):
            raise MisshapenError from None
        self.begun = self.begun or delta.has_content
        return delta

    def _note(self, choices: list[Any]) -> None:
        for choice in choices:
            index = choice.get("index", 0)
            if delta := choice.get("delta"):
                self._unfinished.add(index)
                self._bytes += _size(delta)
            if reason := choice.get("finish_reason"):
                self._finish_reason = self._finish_reason or str(reason)
                self._unfinished.discard(index)

    @property
    def finished(self) -> bool:
        """Every choice that was begun has said why it ended."""
        return bool(self._finish_reason) and not self._unfinished

    def completion(self) -> Completion:
        return Completion(
            body={}, usage=self._usage or self.estimate(), finish_reason=self._finish_reason
        )

    def estimate(self) -> Usage:
        return Usage(
            prompt_tokens=counting.estimate_tokens(self._asked),
            completion_tokens=-(-self._bytes // counting.BYTES_PER_TOKEN),
            estimated=True,
        )


def _check_report(chunk: Body, usage: Usage | None) -> None:
    """Azure, too, begins with a chunk without choices; one without the field is something else."""
    if "choices" not in chunk and usage is None:
        raise MisshapenError


def _blank(choices: list[Any]) -> bool:
    """LiteLLM reports usage beside a choice that says nothing."""
    return not any(choice.get("delta") or choice.get("finish_reason") for choice in choices)


def _size(delta: Body) -> int:
    return sum(
        len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        for text in counting.written(delta)
    )
