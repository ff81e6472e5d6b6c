"""Calls of tools in what a model writes: found, kept out of the text, and forced by a grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from inference.talk import grammar
from inference.talk.grammar import Grammar

MOST_CALLS = 8
"""That one forced answer may make beside each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """How a family of models writes calls. Whatever its marks, a call is a JSON object with a
    name and arguments; one that opens the answer needs no mark."""

    opens: str
    closes: str
    arguments: str
    listed: bool = False
    """All calls stand in one JSON list."""


HERMES = Form(opens="<tool_call>", closes="</tool_call>", arguments="arguments")
MISTRAL = Form(opens="[TOOL_CALLS]", closes="", arguments="arguments", listed=True)
LLAMA = Form(opens="<|python_tag|>", closes="", arguments="parameters")
MARKS = frozenset({HERMES.opens, HERMES.closes, MISTRAL.opens, LLAMA.opens})
"""Often control tokens, which otherwise write nothing."""


def form_of(template: str) -> Form:
    """By the marks that a chat template teaches; without one, objects as Llama writes them."""
    return next((form for form in (HERMES, MISTRAL) if form.opens in template), LLAMA)


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    name: str
    arguments: str
    """JSON, as OpenAI has it."""


def forced(form: Form, tools: Sequence[dict[str, Any]], *, most: int = MOST_CALLS) -> str:
    """A grammar that allows calls of these tools and nothing else, after `beginning`."""
    rules = Grammar()
    return rules.text(_calls(rules, form, tools, most))


def _calls(rules: Grammar, form: Form, tools: Sequence[dict[str, Any]], most: int) -> str:
    call = rules.rule(grammar.either([_call(rules, form, tool) for tool in tools]))
    between = '", "' if form.listed else grammar.literal(f"\n{form.closes}\n{form.opens}\n")
    if form is LLAMA:
        between = '"; "'
    several = call if most == 1 else f"{call} ({between} {call}){{0,{most - 1}}}"
    if form.listed:
        return f'"[" {several} "]"'
    return f"{several} {grammar.literal(f'{chr(10)}{form.closes}')}" if form.closes else several


def _call(rules: Grammar, form: Form, tool: dict[str, Any]) -> str:
    schema = tool.get("parameters") or {"type": "object", "additionalProperties": False}
    head = f'{{"name": {json.dumps(tool["name"])}, "{form.arguments}": '
    return rules.rule(f'{grammar.literal(head)} {rules.schema(schema)} "}}"')


def beginning(form: Form) -> str:
    """What stands before a forced call, put into the prompt so that the model need not choose."""
    return {HERMES: f"{HERMES.opens}\n", MISTRAL: MISTRAL.opens}.get(form, "")


class Reader:
    """Feed it what was written; get text and calls. A call is told when it is whole, so nothing
    of one is ever shown as text, and what only looked like one is shown after all."""

    def __init__(self, form: Form, names: frozenset[str], *, forced: bool) -> None:
        self._form = form
        self._names = names
        self._held = ""
        self._fresh = True
        self._step = self._between_calls if forced else self._in_text
        self._span = Span()

    def feed(self, text: str) -> list[str | Called]:
        self._held += text
        return list(self._settled(final=False))

    def end(self) -> list[str | Called]:
        return list(self._settled(final=True))

    def _settled(self, *, final: bool) -> Iterator[str | Called]:
        """Each step takes something from what is held, or changes the state, or waits (None)."""
        while (taken := self._step(final)) is not None:
            yield from taken

    def _in_text(self, final: bool) -> Sequence[str | Called] | None:
        if self._fresh:
            ahead = self._held.lstrip()
            if not final and self._form.opens.startswith(ahead):
                return None
            if ahead[:1] in ("{", "[") and not ahead.startswith(self._form.opens):
                return self._enter(0)
        at = self._held.find(self._form.opens)
        if at >= 0:
            text, self._held = self._held[:at], self._held[at:]
            self._enter(len(self._form.opens))
            return [text] if text.strip() else []
        return self._told(final)

    def _told(self, final: bool) -> Sequence[str] | None:
        kept = 0 if final else _overlap(self._held, self._form.opens)
        if kept == len(self._held):
            return None
        text = self._held[: len(self._held) - kept]
        self._held = self._held[len(text) :]
        self._fresh = False
        return [text]

    def _enter(self, after: int) -> Sequence[str]:
        self._span = Span(after)
        self._step = self._in_call
        return []

    def _in_call(self, final: bool) -> Sequence[str | Called] | None:
        end = self._span.scan(self._held)
        if end is None:
            return self._as_text(len(self._held)) if final and self._held else None
        found = _parsed(self._held[self._span.begin : end], self._names)
        if found is None:
            return self._as_text(end)
        self._held = self._held[end:]
        self._fresh = False
        self._step = self._between_calls
        return found

    def _as_text(self, end: int) -> Sequence[str]:
        text, self._held = self._held[:end], self._held[end:]
        self._fresh = False
        self._step = self._in_text
        return [text]

    def _between_calls(self, final: bool) -> Sequence[str] | None:
        """Marks, commas and space between two calls belong to nobody."""
        marks = (self._form.opens, self._form.closes)
        self._held = _without_marks(self._held, marks)
        rest = self._held
        if not rest or (not final and any(mark.startswith(rest) for mark in marks)):
            return None
        self._step = self._in_text
        return self._enter(0) if rest.startswith(("{", "[")) else []


class Span:
    """Where one JSON object or list begins and ends, each character looked at once."""

    def __init__(self, after: int = 0) -> None:
        self.begin = -1
        self._at = after
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def scan(self, text: str) -> int | None:
        """The end; or, when it cannot be JSON, the place after what was wrong; else None."""
        while self._at < len(text):
            character = text[self._at]
            self._at += 1
            if self.begin < 0:
                if character.isspace():
                    continue
                self.begin = self._at - 1
                if character not in "{[":
                    return self._at
            self._take(character)
            if self._depth == 0:
                return self._at
        return None

    def _take(self, character: str) -> None:
        if self._quoted:
            self._quoted = self._escaped or character != '"'
            self._escaped = character == "\\" and not self._escaped
        elif character == '"':
            self._quoted = True
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1


def _parsed(text: str, names: frozenset[str]) -> list[Called] | None:
    """None when these are no calls of tools that were offered."""
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    calls = [_called(each, names) for each in (value if isinstance(value, list) else [value])]
    whole = [call for call in calls if call is not None]
    return whole if whole and len(whole) == len(calls) else None


def _called(value: Any, names: frozenset[str]) -> Called | None:
    value = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("name") not in names:
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _object(arguments)
    if not isinstance(arguments, dict):
        return None
    return Called(name=value["name"], arguments=json.dumps(arguments, ensure_ascii=False))


def _object(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(word: str) -> Any:
    raise ValueError(word)


def _without_marks(text: str, marks: tuple[str, str]) -> str:
    pattern = "|".join(re.escape(mark) for mark in marks if mark)
    return re.sub(rf"\A(?:\s|[,;\]]|{pattern})+", "", text)


def _overlap(text: str, mark: str) -> int:
    """The length of the longest end of `text` that begins `mark`."""
    longest = min(len(text), len(mark) - 1)
    return next((n for n in range(longest, 0, -1) if mark.startswith(text[-n:])), 0)
