"""Checks an answer by what can be known without asking anybody (pure)."""

from __future__ import annotations

import ast
import functools
import json
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routing.cascade import schemas
from routing.cascade.values import Cascade, Verified, both, broken, held
from routing.signals import languages

Body = Mapping[str, Any]
FINISHED = frozenset({"stop", "tool_calls", "function_call"})
REFUSAL = re.compile(
    r"^\W*(?:(?:i(?:'|\u2019)?m|i am) (?:very |so )?sorry,? (?:but )?(?:i|as an)|"
    r"sorry,? (?:but )?i can|"
    r"i (?:can(?:'|\u2019)?t|cannot|am not able to|am unable to) "
    r"(?:help|assist|answer|provide|do|fulfil)|"
    r"as an ai\b|es tut mir leid,? (?:aber )?ich kann|ich kann (?:ihnen |dir )?(?:dabei |damit )?"
    r"(?:leider )?nicht|je suis désolée?,? (?:mais )?je ne peux|lo siento,? (?:pero )?no puedo)",
    re.IGNORECASE,
)
FENCE = re.compile(r"```([\w+-]*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
LONGEST_CODE = 50_000
LONG_ENOUGH = 60
"""Characters of an answer before its language means anything."""
TRIVIAL = 10
"""Numbers below it count something; they need not stand in the question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the checks compare an answer with."""

    body: Body
    """The request."""
    question: str = ""
    language: str | None = None
    speaks_of_languages: bool = False
    """It asks for a translation: the answer's language is another."""


def verify(terms: Cascade, asked: Asked, body: Body) -> Verified:
    """The checks that need nobody, in their order; all of them, so that each has its score."""
    choices: Sequence[Body] = body.get("choices") or ()
    if not choices:
        return broken("complete", "There is no answer.")
    wanted = [name for name in terms.verify if name in CHECKS]
    found = [CHECKS[name](terms, asked, choice) for choice in choices for name in wanted]
    return functools.reduce(_worse, found, Verified())


def _worse(first: Verified, second: Verified) -> Verified:
    """Of several choices, each check has the score of the worst."""
    joined = both(first, second)
    scores = {**joined.scores}
    for name in set(first.scores) & set(second.scores):
        scores[name] = min(first.scores[name], second.scores[name])
    return Verified(scores=scores, failed=joined.failed, why=joined.why)


def text(choice: Body) -> str:
    content = (choice.get("message") or {}).get("content")
    return content if isinstance(content, str) else ""


def _complete(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    del terms, asked
    message, finish = choice.get("message") or {}, choice.get("finish_reason")
    if finish not in FINISHED:
        return broken("complete", f"It was cut short: {finish or 'no finish'}.")
    if message.get("tool_calls") or message.get("function_call"):
        return held("complete")
    said = text(choice).strip()
    if not said:
        return broken("complete", "It is empty.")
    if message.get("refusal") or REFUSAL.match(said):
        return broken("complete", "It is a refusal.")
    return held("complete")


def _format(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    del terms
    message, body = choice.get("message") or {}, asked.body
    calls = message.get("tool_calls") or ()
    if calls:
        return _calls(calls, body.get("tools") or ())
    wanted = body.get("response_format") or {}
    if wanted.get("type") not in ("json_object", "json_schema"):
        return held("format")
    try:
        value = json.loads(text(choice))
    except (ValueError, RecursionError):
        return broken("format", "It is no JSON.")
    if wanted["type"] == "json_object":
        fine = isinstance(value, dict)
        return held("format") if fine else broken("format", "It is no JSON object.")
    wrong = schemas.wrong((wanted.get("json_schema") or {}).get("schema"), value)
    return broken("format", wrong) if wrong else held("format")


def _calls(calls: Sequence[Body], tools: Sequence[Body]) -> Verified:
    """Each calls a tool that there is, with arguments as it takes them."""
    known = {(tool.get("function") or {}).get("name"): tool.get("function") for tool in tools}
    for call in calls:
        function = call.get("function") or {}
        tool = known.get(function.get("name"))
        if tool is None:
            return broken("format", f"There is no tool {function.get('name')!r}.")
        try:
            arguments = json.loads(function.get("arguments") or "{}")
        except (ValueError, RecursionError):
            return broken("format", "A tool call's arguments are no JSON.")
        wrong = schemas.wrong(tool.get("parameters"), arguments)
        if wrong:
            return broken("format", wrong)
    return held("format")


def _code(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    del terms, asked
    for language, code in FENCE.findall(text(choice)):
        read = PARSERS.get(language.lower())
        if read is not None and len(code) <= LONGEST_CODE and not _parses(read, code):
            return broken("code", f"A block of {language} does not parse.")
    return held("code")


def _parses(read: Callable[[str], Any], code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(code)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "python": ast.parse,
    "py": ast.parse,
    "json": json.loads,
}


def _language(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    del terms
    said = FENCE.sub("", text(choice))
    if asked.language is None or asked.speaks_of_languages or len(said) < LONG_ENOUGH:
        return held("language")
    found = languages.of(said)
    if found is None or found == asked.language:
        return held("language")
    return broken("language", f"It is in {found}; the question is in {asked.language}.")


def _numbers(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    """For extracting and summing up: a number that was not asked about was made up."""
    del terms
    given = {_number(each) for each in NUMBER.findall(asked.question)}
    new = [each for each in NUMBER.findall(text(choice)) if _number(each) not in given]
    made_up = [each for each in new if _number(each) >= TRIVIAL]
    if not made_up:
        return held("numbers")
    return broken("numbers", f"{made_up[0]} stands nowhere in the question.")


def _number(written: str) -> float:
    return float(written.replace(",", ""))


def _confidence(terms: Cascade, asked: Asked, choice: Body) -> Verified:
    """The mean probability of its tokens, where the engine tells them; else nothing is known."""
    del asked
    tokens = (choice.get("logprobs") or {}).get("content") or ()
    told = [each["logprob"] for each in tokens if isinstance(each.get("logprob"), int | float)]
    if not told:
        return held("confidence")
    mean = math.exp(sum(told) / len(told))
    if mean >= terms.confidence:
        return held("confidence", mean)
    return broken("confidence", f"Its tokens are {mean:.2f} likely on average.", mean)


CHECKS: Mapping[str, Callable[[Cascade, Asked, Body], Verified]] = {
    "complete": _complete,
    "format": _format,
    "code": _code,
    "language": _language,
    "numbers": _numbers,
    "confidence": _confidence,
}
