"""Prompt templates: the words that many prompts share, with slots where they differ (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caching.patterns import slots
from caching.patterns.slots import Slot

PIECES = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|_|\s+|[^\w\s]")
LIKE = 0.5
"""How much of two prompts' words must be the same for them to begin a template."""
KEPT = 0.75
"""How much of a template's words a prompt must have to belong to it."""
FEWEST_WORDS = 2
MOST_SLOTS = 8
MOST_PIECES = 400
MOST_TEMPLATES = 60
PASSES = 3
UNCLEAR = 0.7
USUAL = 0.5
"""Where most members have nothing of their own there is no slot; the others are set aside."""
SETTLED = 8
"""Members after which a template's words are believed: a stray prompt no longer wears them down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """Constants around slots: one constant more than slots; the outer two may be empty."""

    constants: tuple[str, ...]
    slots: tuple[Slot, ...] = ()

    def match(self, text: str) -> tuple[str, ...] | None:
        """The slots' values, if there is exactly one way to read the text and all are in bounds."""
        values = parted(self.constants, text)
        if values is None or not all(s.takes(v) for s, v in zip(self.slots, values, strict=True)):
            return None
        return values

    @property
    def text(self) -> str:
        """As people read it: constants with the slots' names in braces."""
        named = (f"{{{slot.name}}}" for slot in self.slots)
        return "".join(a + b for a, b in zip(self.constants, (*named, ""), strict=True))

    def limited(self, number: int, values: Sequence[str]) -> Template:
        """The same where one slot takes no values but these."""
        changed = tuple(s.only(values) if i == number else s for i, s in enumerate(self.slots))
        return replace(self, slots=changed)

    def as_json(self) -> dict[str, Any]:
        return {"constants": list(self.constants), "slots": [s.as_json() for s in self.slots]}


def read(stored: Mapping[str, Any]) -> Template:
    return Template(
        constants=tuple(stored["constants"]),
        slots=tuple(slots.read(each) for each in stored["slots"]),
    )


def parted(constants: Sequence[str], text: str) -> tuple[str, ...] | None:
    """What stands between the constants; nothing if that can be read in two ways.

    Placed as early as they go and as late as they go the constants must lie the same: then there
    is no other way to place them.
    """
    first, last, middle = constants[0], constants[-1], constants[1:-1]
    if len(constants) == 1:
        return () if text == first else None
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return None
    inner = text[len(first) : len(text) - len(last)]
    early = _early(middle, inner)
    if early is None or early != _late(middle, inner):
        return None
    ends = [0, *(at + len(c) for at, c in zip(early, middle, strict=True))]
    values = tuple(inner[a:b] for a, b in zip(ends, [*early, len(inner)], strict=True))
    return values if all(values) else None


def _early(middle: Sequence[str], inner: str) -> list[int] | None:
    """Each constant leaves at least one character for the slot before it."""
    places, end = [], 0
    for constant in middle:
        at = inner.find(constant, end + 1)
        if at < 0:
            return None
        places.append(at)
        end = at + len(constant)
    return places


def _late(middle: Sequence[str], inner: str) -> list[int] | None:
    places, begin = [], len(inner)
    for constant in reversed(middle):
        at = inner.rfind(constant, 0, max(begin - 1, 0))
        if at < 0:
            return None
        places.append(at)
        begin = at
    return places[::-1]


@dataclass(kw_only=True, slots=True)
class _Growing:
    """A template while it is mined: the pieces that all its members have, in order."""

    pieces: list[str]
    members: list[str]

    def __post_init__(self) -> None:
        self.weigh()

    def weigh(self) -> None:
        self.bag = Counter(self.pieces)
        self.weight = weight(self.pieces)

    bag: Counter[str] = None  # type: ignore[assignment]
    weight: int = 0

    def could_take(self, bag: Counter[str], theirs: int) -> bool:
        """A cheap bound before anything is aligned."""
        shared = sum(len(p) * n for p, n in (self.bag & bag).items() if _is_word(p))
        return shared >= self._floor(theirs)

    def _floor(self, theirs: int) -> float:
        settled = len(self.members) >= SETTLED
        if settled:
            return self.weight * 0.999
        return self.weight * KEPT if len(self.members) > 1 else max(self.weight, theirs) * LIKE

    def takes(self, common: Sequence[str], theirs: int) -> bool:
        return weight(common) >= self._floor(theirs)

    def take(self, text: str, common: list[str]) -> None:
        self.members.append(text)
        if len(common) != len(self.pieces):
            self.pieces = common
            self.weigh()


def mine(texts: Iterable[str], *, fewest: int) -> list[tuple[Template, list[str]]]:
    """Templates with the texts that they match, the most frequent first; each text is in one.

    What stands out from its like (a word of politeness in front) is looked through again.
    """
    left, kept = list(texts), list[tuple[Template, list[str]]]()
    for _ in range(PASSES):
        growing: list[_Growing] = []
        for text in left:
            _place(growing, text)
        found = [_finished(each) for each in growing if len(each.members) >= fewest]
        new = [(template, members) for template, members in found if len(members) >= fewest]
        taken = {text for _, members in new for text in members}
        kept, left = kept + new, [text for text in left if text not in taken]
        if not new:
            break
    return sorted(kept, key=lambda each: -len(each[1]))


def _place(growing: list[_Growing], text: str) -> None:
    pieces = PIECES.findall(text)
    if not 0 < len(pieces) <= MOST_PIECES:
        return
    bag, theirs = Counter(pieces), weight(pieces)
    for each in growing:
        if each.could_take(bag, theirs):
            common = shared(each.pieces, pieces)
            if each.takes(common, theirs):
                each.take(text, common)
                return
    if len(growing) < MOST_TEMPLATES:
        growing.append(_Growing(pieces=pieces, members=[text]))


def _finished(grown: _Growing) -> tuple[Template, list[str]]:
    constants = _tight(_constants(grown.pieces, grown.members), grown.members)
    words = sum(1 for constant in constants for p in PIECES.findall(constant) if _is_word(p))
    if words < FEWEST_WORDS or not 1 < len(constants) <= MOST_SLOTS + 1:
        return Template(constants=("",)), []
    constants, members = _read_best(constants, grown.members)
    if not members:
        return Template(constants=("",)), []
    learned = tuple(
        slots.learn(f"slot{number + 1}", [values[number] for _, values in members])
        for number in range(len(constants) - 1)
    )
    template = Template(constants=tuple(constants), slots=_named(learned, constants))
    return template, [text for text, _ in members if template.match(text) is not None]


def _read_best(
    constants: list[str], texts: Sequence[str]
) -> tuple[list[str], list[tuple[str, tuple[str, ...]]]]:
    """A list has a comma in every prompt: where commas make most of them unreadable, what they
    part is one slot."""
    whole = [c for n, c in enumerate(constants) if not 0 < n < len(constants) - 1 or not _parts(c)]
    read_once = _readable(constants, texts)
    if len(read_once) > UNCLEAR * len(texts) or len(whole) == len(constants) or len(whole) < 2:
        return constants, read_once
    merged = _readable(whole, texts)
    return (whole, merged) if len(merged) > len(read_once) else (constants, read_once)


def _readable(constants: list[str], texts: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    read_once = [(text, parted(constants, text)) for text in texts]
    return [(text, values) for text, values in read_once if values is not None]


def _parts(constant: str) -> bool:
    return constant.strip() in {",", ";", "and", ", and", "", "/", "|"}


def _constants(pieces: Sequence[str], members: Sequence[str]) -> list[str]:
    """Neighbouring pieces are one constant if hardly ever anything stands between them."""
    counted = Counter[int]()
    for text in members:
        counted.update(_gaps(pieces, PIECES.findall(text)))
    parted_at = {at for at, count in counted.items() if count > USUAL * len(members)}
    constants, current = [], ""
    for number, piece in enumerate([*pieces, ""]):
        if number in parted_at:
            constants.append(current)
            current = ""
        current += piece
    constants.append(current)
    return _without_blanks(constants)


def _tight(constants: list[str], members: Sequence[str]) -> list[str]:
    """Blanks that every value of a slot begins or ends with belong to the constants."""
    read_once = [values for text in members if (values := parted(constants, text)) is not None]
    for number, values in enumerate(zip(*read_once, strict=True)):
        if all(len(value.strip()) > 0 and value[0] == " " for value in values):
            constants[number] += " "
        if all(len(value.strip()) > 0 and value[-1] == " " for value in values):
            constants[number + 1] = " " + constants[number + 1]
    return constants


def _without_blanks(constants: list[str]) -> list[str]:
    """What parts two slots must be more than a blank: names have blanks, too."""
    middle = [each for each in constants[1:-1] if each.strip() or "\n" in each]
    return [constants[0], *middle, constants[-1]] if len(constants) > 1 else constants


def _gaps(constant: Sequence[str], pieces: Sequence[str]) -> set[int]:
    """Before which of the constants something of this prompt's own stands."""
    gaps, last = set[int](), -1
    places = [*_alignment(constant, pieces), len(pieces)]
    for number, at in enumerate(places):
        if at != last + 1:
            gaps.add(number)
        last = at
    return gaps


def shared(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """The longest run of pieces that both have in this order."""
    return [left[i] for i, _ in _pairs(left, right)]


def _alignment(constant: Sequence[str], pieces: Sequence[str]) -> list[int]:
    return [at for _, at in _pairs(constant, pieces)]


def _pairs(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Longest common subsequence by weight, what is the same at both ends taken first."""
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    inner = _longest(left[start : len(left) - end], right[start : len(right) - end])
    head = [(i, i) for i in range(start)]
    tail = [(len(left) - k, len(right) - k) for k in range(end, 0, -1)]
    return head + [(start + i, start + j) for i, j in inner] + tail


def _longest(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        here, below, mine = best[i], best[i + 1], left[i]
        for j in range(len(right) - 1, -1, -1):
            if mine == right[j]:
                here[j] = below[j + 1] + _worth(mine)
            else:
                here[j] = max(below[j], here[j + 1])
    pairs, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def weight(pieces: Iterable[str]) -> int:
    return sum(len(piece) for piece in pieces if _is_word(piece))


def _worth(piece: str) -> int:
    """Words count by their letters, all else little: a comma shall not decide an alignment."""
    return 4 * len(piece) if _is_word(piece) else 1


def _is_word(piece: str) -> bool:
    return piece[0].isalpha()


def _named(learned: Sequence[Slot], constants: Sequence[str]) -> tuple[Slot, ...]:
    """After the last word before the slot, where there is one: `price` in `price: {price}`."""
    used, named = Counter[str](), []
    for slot, before in zip(learned, constants, strict=False):
        words = [piece for piece in PIECES.findall(before) if _is_word(piece) and len(piece) > 2]
        plain = words[-1].lower() if words else slot.kind
        used[plain] += 1
        named.append(replace(slot, name=plain if used[plain] == 1 else f"{plain}{used[plain]}"))
    return tuple(named)
