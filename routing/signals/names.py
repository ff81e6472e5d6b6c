"""Every name that a condition may ask for: its type, what it says, and what finding it costs.

The table in docs/rules.md and the console's choices are made from this; a test holds the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.pacing.pressure import ACTIONS as PRESSURES

YES_NO = "yes/no"
NUMBER = "number"
TEXT = "text"
ANY = "any"
"""A caller wrote it, or a program of the house's own: its type is known when it comes."""

AT_HAND = 0
LOOKED_UP = 1
OF_THE_TEXT = 2
OF_A_VECTOR = 3
"""What it takes to find a fact; conditions ask in this order."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORMATS = ("none", "json", "csv", "yaml", "xml", "table", "list", "markdown", "code")
LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ru", "uk", "el", "ar", "he", "hi",
    "th", "zh", "ja", "ko",
)  # fmt: skip
LENGTHS = ("short", "medium", "long", "huge")
MODALITIES = ("text", "image", "audio", "file")
FORMS = ("chat", "text", "embeddings")
STATES = ("healthy", "failing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    kind: str
    words: str
    choices: tuple[str, ...] = ()
    """All the values there are, where they are few."""
    low: float | None = None
    high: float | None = None
    whole: bool = False
    """Only whole numbers."""
    cost: int = AT_HAND
    secret: bool = False
    """What somebody wrote: no receipt keeps it."""


def _count(words: str) -> Known:
    return Known(kind=NUMBER, words=words, low=0, whole=True)


def _share(words: str, cost: int = AT_HAND) -> Known:
    return Known(kind=NUMBER, words=words, low=0, high=1, cost=cost)


def _flag(words: str) -> Known:
    return Known(kind=YES_NO, words=words)


def _one_of(choices: tuple[str, ...], words: str) -> Known:
    return Known(kind=TEXT, words=words, choices=choices)


def _text(words: str) -> Known:
    return Known(kind=TEXT, words=words)


SIGNALS: Mapping[str, Known] = {
    "prompt_tokens": _count("tokens of the whole request, estimated"),
    "format_tokens": _count("of those, what describes the form of the answer"),
    "turns": _count("messages of the user"),
    "last_turn_characters": _count("length of the user's last turn, without what programs put in"),
    "injected_characters": _count("what programs put into the user's last turn"),
    "system_characters": _count("length of the system and developer messages"),
    "tools": _flag("the request brings tools"),
    "tool_loop": _flag("an answer to a tool's result, or to a call of one, is asked for"),
    "structured": _flag("the answer must be JSON or follow a schema"),
    "images": _flag("there is a picture in it"),
    "audio": _flag("there is a sound in it"),
    "files": _flag("there is a file in it"),
    "modality": _one_of(MODALITIES, "what the last turn brings besides words"),
    "code": _flag("the last turn has code"),
    "code_share": _share("how much of the last turn is code"),
    "maths": _flag("the last turn has formulas or asks to calculate"),
    "numbers": _count("numbers in the last turn"),
    "number_share": _share("how many of its words are numbers"),
    "format": _one_of(FORMATS, "the form that the last turn asks for"),
    "language": _one_of(LANGUAGES, "the language of the last turn, where it can be told"),
    "reasoning": _flag("it asks to think: prove, step by step, why, compare; in several languages"),
    "asks": _flag("the last turn is a question"),
    "length": _one_of(LENGTHS, "of the last turn: up to 60, 400, 4,000 characters, or more"),
    "likeness": _share("how many words the last turn has in common with the user's turn before"),
    "re_ask": _flag("the last turn is the one before, or nearly: asked again or edited"),
}
"""What is read of each prompt, once. Names and types are those of `Signals`."""

REQUEST: Mapping[str, Known] = {
    "model": _text("the model that was asked for"),
    "team": _text("the caller's team"),
    "key": _text("the name of the API key"),
    "user": _text("the end user (`x-kora-user`)"),
    "session": _text("the session (`x-kora-session`)"),
    "address": _text("where the request came from"),
    "form": _one_of(FORMS, "which path was asked"),
    "stream": _flag("the answer is streamed"),
    "hour": Known(kind=NUMBER, words="of the day, 0 to 23", low=0, high=23, whole=True),
    "weekday": _one_of(DAYS, "in the time zone of the settings, else UTC"),
    "question": Known(
        kind=TEXT, words="the user's last turn, without what programs put in", secret=True
    ),
    "system": Known(kind=TEXT, words="the system and developer messages", secret=True),
    "budget_used": Known(
        kind=NUMBER,
        words="share of the tightest budget that applies, spent or held",
        cost=LOOKED_UP,
    ),
    "budget_left_usd": Known(
        kind=NUMBER, words="what is left in the budget that has least left", cost=LOOKED_UP
    ),
    "budget_pressure": Known(
        kind=TEXT,
        words="the strictest soft limit that its budgets have reached; absent where none has",
        choices=PRESSURES,
        cost=LOOKED_UP,
    ),
    "intent": Known(kind=TEXT, words="what kind of request it is", cost=OF_A_VECTOR),
    "intent_confidence": _share("how sure that is", OF_A_VECTOR),
    "complexity": _share("how hard it looks; absent where nothing tells", OF_A_VECTOR),
}

FAMILIES: Mapping[str, Known] = {
    "tags.": _text("a tag of the request"),
    "metadata.": Known(kind=ANY, words="a field of the body's `metadata`", secret=True),
    "health.": Known(kind=TEXT, words="how a backend is doing", choices=STATES),
    "queue_s.": Known(kind=NUMBER, words="seconds that a backend's queue takes", low=0),
    "words.": Known(kind=YES_NO, words="whether a word set of the settings is found in the last "
                    "turn", cost=OF_THE_TEXT),
    "like.": _share("how near the last turn is to the sentences of a set", OF_A_VECTOR),
}  # fmt: skip
"""Names with a part of one's own behind the dot."""

OWN = Known(kind=ANY, words="a signal of the house's own (`KORA_SIGNALS`)")
LONGEST_NAME = 120


def find(name: str, own: frozenset[str] = frozenset()) -> Known | None:
    """What is known of a name; `own` are the first words of the house's own signals."""
    found = SIGNALS.get(name) or REQUEST.get(name)
    if found is not None:
        return found
    family, dot, rest = name.partition(".")
    if not (dot and rest) or len(name) > LONGEST_NAME:
        return None
    return OWN if family in own else FAMILIES.get(f"{family}.")


def like(name: str) -> str:
    """The nearest name there is, for whoever mistyped one; or nothing."""
    near = difflib.get_close_matches(name, [*SIGNALS, *REQUEST, *FAMILIES], n=1)
    return near[0] if near else ""
