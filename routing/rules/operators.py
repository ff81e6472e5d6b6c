"""The operators of a condition's leaves: what they take, of which facts, and when they hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from routing.signals import facts, names, words
from routing.signals.names import Known

Test = Callable[[Any], bool]
LONGEST_TEXT = 1_000
MOST_VALUES = 1_000
PLAIN = (bool, int, float, str)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    kinds: frozenset[str]
    read: Callable[[Any, Known], Any]
    """The operand as it is kept; a ValueError says what it should be."""
    test: Callable[[Any], Test]
    """Of a fact that is there."""


def _same_kind(value: Any, kind: str) -> bool:
    if kind == names.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool if kind == names.YES_NO else str)


def _scalar(value: Any, known: Known) -> Any:
    if known.kind == names.ANY:
        if not isinstance(value, PLAIN):
            raise ValueError("a text, a number, true or false is needed here")
        return _short(value)
    if not _same_kind(value, known.kind):
        raise ValueError(f"{WANTED[known.kind]} is needed here")
    if known.choices and value not in known.choices:
        raise ValueError(f"one of {', '.join(known.choices)} is needed here")
    return _short(value)


WANTED = {names.NUMBER: "a number", names.YES_NO: "true or false", names.TEXT: "a text"}


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ValueError(f"at most {LONGEST_TEXT} characters are possible")
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < 1e18):
        raise ValueError("a finite number is needed here")
    return value


def _several(given: Any, known: Known) -> tuple[Any, ...]:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_VALUES:
        raise ValueError(f"a list of 1 to {MOST_VALUES} values is needed here")
    return tuple(_scalar(value, known) for value in given)


def _number(given: Any, known: Known) -> float:
    del known
    if not _same_kind(given, names.NUMBER):
        raise ValueError("a number is needed here")
    return _short(given)  # type: ignore[no-any-return]


def _range(given: Any, known: Known) -> tuple[float, float]:
    if not isinstance(given, list) or len(given) != 2:
        raise ValueError("a list of two numbers is needed here")
    low, high = (_number(value, known) for value in given)
    if low > high:
        raise ValueError("the lower number comes first")
    return low, high


def _text(given: Any, known: Known) -> str:
    del known
    if not isinstance(given, str) or not given:
        raise ValueError("a text is needed here")
    return _short(given)  # type: ignore[no-any-return]


def _flag(given: Any, known: Known) -> bool:
    del known
    if given is True or given is False:
        return given
    raise ValueError("true or false is needed here")


def _pattern(given: Any, known: Known) -> str:
    text = _text(given, known)
    compiled(text)
    return text


def compiled(pattern: str) -> Any:
    """RE2 takes time in proportion to the text, whatever the pattern; some it does not know."""
    try:
        words.Patterns([pattern])  # rules look for it together with others
        return re2.compile(pattern, words.options())
    except words.Unfit as error:
        raise ValueError(error.why) from error


def key(value: Any) -> tuple[bool, Any]:
    """Values are the same if their kind is: 1 is 1.0 and not true."""
    return isinstance(value, bool), value


def _is(operand: Any) -> Test:
    wanted = key(operand)
    return lambda value: key(value) == wanted


def _among(operands: tuple[Any, ...]) -> Test:
    wanted = {key(each) for each in operands}
    return lambda value: isinstance(value, PLAIN) and key(value) in wanted


def _negated(test: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def negated(operand: Any) -> Test:
        holds = test(operand)
        return lambda value: not holds(value)

    return negated


def _numeric(holds: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    return lambda operand: lambda value: _same_kind(value, names.NUMBER) and holds(value, operand)


def _textual(holds: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    """Case does not matter inside of texts."""

    def test(operand: str) -> Test:
        wanted = operand.casefold()
        return lambda value: isinstance(value, str) and holds(facts.folded(value), wanted)

    return test


def _matching(operand: str) -> Test:
    search = compiled(operand).search
    return lambda value: isinstance(value, str) and search(words.readable(value)) is not None


def _never_asked(operand: Any) -> Test:
    """`exists` is answered by whether there is a fact at all."""
    return lambda _: bool(operand)


ANYTHING = frozenset({names.YES_NO, names.NUMBER, names.TEXT, names.ANY})
NUMBERS = frozenset({names.NUMBER, names.ANY})
TEXTS = frozenset({names.TEXT, names.ANY})
VALUES = ANYTHING - {names.YES_NO}

OPERATORS: Mapping[str, Operator] = {
    "is": Operator(kinds=ANYTHING, read=_scalar, test=_is),
    "is_not": Operator(kinds=ANYTHING, read=_scalar, test=_negated(_is)),
    "in": Operator(kinds=VALUES, read=_several, test=_among),
    "not_in": Operator(kinds=VALUES, read=_several, test=_negated(_among)),
    "more_than": Operator(kinds=NUMBERS, read=_number, test=_numeric(lambda a, b: a > b)),
    "at_least": Operator(kinds=NUMBERS, read=_number, test=_numeric(lambda a, b: a >= b)),
    "less_than": Operator(kinds=NUMBERS, read=_number, test=_numeric(lambda a, b: a < b)),
    "at_most": Operator(kinds=NUMBERS, read=_number, test=_numeric(lambda a, b: a <= b)),
    "between": Operator(
        kinds=NUMBERS, read=_range, test=_numeric(lambda value, ends: ends[0] <= value <= ends[1])
    ),
    "contains": Operator(kinds=TEXTS, read=_text, test=_textual(lambda a, b: b in a)),
    "starts_with": Operator(kinds=TEXTS, read=_text, test=_textual(str.startswith)),
    "ends_with": Operator(kinds=TEXTS, read=_text, test=_textual(str.endswith)),
    "matches": Operator(kinds=TEXTS, read=_pattern, test=_matching),
    "exists": Operator(kinds=ANYTHING, read=_flag, test=_never_asked),
}
