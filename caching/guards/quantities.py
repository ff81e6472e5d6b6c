"""Numbers with their units, dates and times of a question, however they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from caching.guards import dates, units, wordlists
from caching.guards.tokens import Token

ENDINGS = frozenset({"st", "nd", "rd", "th"})
COUNTING = wordlists.members(
    "top the these those your my some any are give list name following best few of"
)
LARGEST_COUNT = 20
ROMAN = {"II": "2", "III": "3", "IV": "4", "VI": "6", "VII": "7", "VIII": "8", "IX": "9"}
EXACT = 18
"""Digits that are counted with; a longer one is a name (an account, a card), not an amount."""


READ = frozenset({"number", "clock", "iso", "slashed", "version", "code"})
TELLING = frozenset(
    {"a", "an", "half", *(roman.lower() for roman in ROMAN)}
    | {
        word + end
        for table in (units.MEASURES, dates.RELATED)
        for word in table
        for end in ("", "s")
    }
    | units.NUMBERS.keys()
    | units.SCALES.keys()
    | units.ORDINALS.keys()
    | dates.MONTHS.keys()
    | dates.WEEKDAYS.keys()
    | dates.DAYS.keys()
    | dates.EACH.keys()
)
"""Words that may be part of a quantity; all others are passed over."""


@dataclass(slots=True)
class Quantities:
    numbers: set[tuple[str, str]] = field(default_factory=set)
    """(value, unit); an ordinal has the unit `#`."""
    counts: set[str] = field(default_factory=set)
    """Small numbers that only say how many are wanted."""
    measures: set[str] = field(default_factory=set)
    """Units without a number."""
    dates: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    led: set[str] = field(default_factory=set)
    """A word welded to its bare number (`iphone 7`), as a code would be written."""
    taken: set[int] = field(default_factory=set)
    """Which tokens were read here, so that nobody takes May for a name."""


def read(tokens: Sequence[Token]) -> Quantities:
    found = Quantities()
    index = 0
    while index < len(tokens):
        token = tokens[index]
        telling = token.lower in TELLING if token.kind == "word" else token.kind in READ
        index = _at(tokens, index, found) if telling else index + 1
    return found


def _at(tokens: Sequence[Token], index: int, found: Quantities) -> int:
    token = tokens[index]
    if token.kind == "word":
        return _word(tokens, index, found)
    if token.kind == "number":
        return _number(tokens, index, found)
    if token.kind == "clock":
        found.dates.add(_clock(token.lower))
    elif token.kind == "iso":
        year, month, day = token.lower.split("-")
        found.dates |= {f"m{int(month)}", f"d{int(day)}"}
        found.numbers.add((year, ""))
    elif token.kind in ("slashed", "version"):
        found.numbers.add((token.lower.removeprefix("v"), ""))
    elif token.kind == "code":
        _code(token.lower, found)
    return index + 1


def _code(lower: str, found: Quantities) -> None:
    """`iphone7` is an iPhone 7; `h1b` and `ps4` are names by themselves."""
    letters = lower.rstrip("0123456789")
    digits = lower[len(letters) :]
    if digits and len(letters) >= 3 and letters.isalpha():
        found.numbers.add((digits.lstrip("0") or "0", ""))
        found.led.add(lower)
    else:
        found.codes.add(lower)


def _clock(lower: str) -> str:
    digits = lower.rstrip("apm. ")
    hour, _, minute = digits.partition(":")
    clock = int(hour)
    if "p" in lower and clock < 12:
        clock += 12
    if "a" in lower and clock == 12:
        clock = 0
    return f"{clock:02d}:{minute or '00'}"


def _lower(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].lower if 0 <= index < len(tokens) else ""


def _joined(tokens: Sequence[Token], index: int) -> bool:
    """Whether this token stands right behind the one before, with no space between."""
    return 0 < index < len(tokens) and tokens[index - 1].end == tokens[index].start


def _number(tokens: Sequence[Token], index: int, found: Quantities) -> int:
    token = tokens[index]
    text = token.lower.replace(",", "").removeprefix("+")
    following = _lower(tokens, index + 1)
    if following in ENDINGS and _joined(tokens, index + 1):
        return _ordinal(tokens, index + 2, int(float(text)), found)
    if _is_day(tokens, index, text):
        found.dates.add(f"d{int(text)}")
        return index + 1
    if len(text) > EXACT:
        found.numbers.add((text, ""))
        return index + 1
    return _amount(tokens, (index, index + 1), Decimal(text), text=text, found=found)


def _is_day(tokens: Sequence[Token], index: int, text: str) -> bool:
    if not text.isdigit() or not 1 <= int(text[:3]) <= 31 or len(text) > 2:
        return False
    return any(_is_month(tokens, index + step, beside=True) for step in (-1, 1))


def _ordinal(tokens: Sequence[Token], after: int, value: int, found: Quantities) -> int:
    first = after - 1 if tokens[after - 1].lower in units.ORDINALS else after - 2
    behind = after + (_lower(tokens, after) == "of")
    if value <= 31 and (
        _is_month(tokens, behind, beside=True) or _is_month(tokens, first - 1, beside=True)
    ):
        found.dates.add(f"d{value}")
    elif _lower(tokens, after) in ("century", "centuries"):
        found.dates.add(f"c{value}")
    else:
        found.numbers.add((str(value), "#"))
    return after


def _amount(
    tokens: Sequence[Token], span: tuple[int, int], value: Decimal, *, text: str, found: Quantities
) -> int:
    """Takes a number that stands from `first` to before `after`, with what belongs to it."""
    first, after = span
    currency = units.CURRENCIES.get(_lower(tokens, first - 1), "")
    value, after, scaled = _scaled(tokens, after, value, bool(currency))
    if currency:
        unit, factor = currency, Decimal(1)
        after += _lower(tokens, after) in units.CURRENCIES
    else:
        unit, factor, after = _unit(tokens, after)
    found.taken.update(range(max(0, first - bool(currency)), after))
    if not unit and after < len(tokens) and _joined(tokens, after) and tokens[after].kind == "word":
        found.codes.add(text + tokens[after].lower)
        return after + 1
    # Without a unit it is as written: Python 3.1 is not Python 3.10.
    shown = text if "." in text and not (unit or scaled) else _shown(value * factor)
    if not unit and _is_count(tokens, first, after, value):
        found.counts.add(shown)
        return after
    found.numbers.add((shown, unit))
    if not unit and first and tokens[first - 1].kind == "word":
        found.led.add(tokens[first - 1].lower + text)
    return after


def _is_count(tokens: Sequence[Token], first: int, after: int, value: Decimal) -> bool:
    """`top 10 songs`, `the three laws`: how many are told, not which."""
    if value > LARGEST_COUNT or after >= len(tokens) or tokens[after].kind != "word":
        return False
    if tokens[first].kind == "word":
        return True
    return _lower(tokens, first - 1) in COUNTING and tokens[after].text[0].islower()


def _shown(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _scaled(
    tokens: Sequence[Token], after: int, value: Decimal, money: bool
) -> tuple[Decimal, int, bool]:
    word = _lower(tokens, after)
    joined = _joined(tokens, after)
    if joined and word in units.SUFFIXES and (money or word != "m"):
        return value * units.SUFFIXES[word], after + 1, True
    scaled = False
    while word in units.SCALES:
        value, after, scaled = value * units.SCALES[word], after + 1, True
        word = _lower(tokens, after)
    return value, after, scaled


def _unit(tokens: Sequence[Token], after: int) -> tuple[str, Decimal, int]:
    if _lower(tokens, after) in ("-", "of") and _lower(tokens, after + 1) in units.CURRENCIES:
        after += 1
    word = _lower(tokens, after)
    if word in units.CURRENCIES:
        return units.CURRENCIES[word], Decimal(1), after + 1
    if word in units.PERCENT:
        return "%", Decimal(1), after + 1
    if word == "per" and _lower(tokens, after + 1) == "cent":
        return "%", Decimal(1), after + 2
    if word == "°":
        after += 1
        word = _lower(tokens, after)
    elif word in ("degree", "degrees"):
        if measure(_lower(tokens, after + 1))[0] not in ("celsius", "fahrenheit", "kelvin"):
            return "degree", Decimal(1), after + 1
        after += 1
        word = _lower(tokens, after)
    base, factor = measure(word)
    if not base and _joined(tokens, after) and word in units.ATTACHED:
        base, factor = units.ATTACHED[word]
    if not base:
        return "", Decimal(1), after
    return base, Decimal(factor), after + 1


def measure(word: str) -> tuple[str, str]:
    found = units.MEASURES.get(word)
    if found is None and word.endswith("s"):
        found = units.MEASURES.get(word[:-1])
    return found or ("", "1")


def _is_month(tokens: Sequence[Token], index: int, *, beside: bool = False) -> bool:
    """Whether a month stands here; `may` and `march` need a number or a preposition beside."""
    word = _lower(tokens, index)
    if word not in dates.MONTHS:
        return False
    if word not in dates.SHY_MONTHS:
        return True
    token = tokens[index]
    if beside:
        return word != "may" or token.text[0] == "M"
    if any(_lower(tokens, index + step)[:1].isdigit() for step in (-1, 1)):
        return word != "may" or token.text[0] == "M"
    capital = token.text[0].isupper() and not token.begins and len(word) > 3
    timely = _lower(tokens, index - 1) in dates.TIMELY
    return capital or (timely and (word != "may" or token.text[0] == "M"))


def _word(tokens: Sequence[Token], index: int, found: Quantities) -> int:
    word = tokens[index].lower
    if word in units.NUMBERS or word in units.SCALES or word in ("a", "an", "half"):
        after = _spelled(tokens, index, found)
        if after > index:
            found.taken.update(range(index, after))
            return after
    if tokens[index].text in ROMAN and index:
        found.numbers.add((ROMAN[tokens[index].text], ""))
        found.taken.add(index)
        return index + 1
    if _is_month(tokens, index):
        found.dates.add(f"m{dates.MONTHS[word]}")
        found.taken.add(index)
        return index + 1
    if word in units.ORDINALS and (word not in ("first", "second") or _by_month(tokens, index)):
        return _ordinal(tokens, index + 1, units.ORDINALS[word], found)
    if word == "second" and _is_rank(tokens, index):
        return _ordinal(tokens, index + 1, 2, found)
    return _moment(tokens, index, found)


def _by_month(tokens: Sequence[Token], index: int) -> bool:
    behind = index + 1 + (_lower(tokens, index + 1) == "of")
    return _is_month(tokens, index - 1, beside=True) or _is_month(tokens, behind, beside=True)


def _is_rank(tokens: Sequence[Token], index: int) -> bool:
    """`my second job`: not the second that a minute has sixty of."""
    before = _lower(tokens, index - 1)
    return before in ("the", "my", "your", "his", "her", "our") and not _unit(tokens, index + 1)[0]


def _moment(tokens: Sequence[Token], index: int, found: Quantities) -> int:
    word = tokens[index].lower
    single = word.removesuffix("s")
    before = _lower(tokens, index - 1)
    if word in dates.DAYS:
        found.dates.add(dates.DAYS[word])
    elif word in dates.WEEKDAYS:
        found.dates.add(f"w{dates.WEEKDAYS[word]}")
        found.taken.add(index)
    elif word in dates.EACH:
        found.dates.add("each:" + dates.EACH[word])
    elif single in dates.RELATED and before in ("per", "every", "each"):
        found.dates.add("each:" + single)
    elif single in dates.RELATED and before in dates.RELATIVE:
        found.dates.add(_relation(before) + single)
    else:
        base = measure(word)[0]
        if base in units.DIMENSIONS:
            found.measures.add(base)
    return index + 1


def _relation(word: str) -> str:
    if word in ("last", "previous", "past"):
        return "last:"
    return "this:" if word in ("this", "current") else "next:"


def _spelled(tokens: Sequence[Token], index: int, found: Quantities) -> int:
    """`two hundred and fifty`, `a dozen`, `half a million`; a lone `one` counts nothing."""
    start, total, part, seen = index, Decimal(0), Decimal(0), False
    while index < len(tokens):
        word = tokens[index].lower
        if word in units.NUMBERS:
            part, seen = part + units.NUMBERS[word], True
        elif word in units.SCALES:
            scale = units.SCALES[word]
            seen = True
            if scale == 100:
                part = (part or Decimal(1)) * scale
            else:
                total, part = total + (part or Decimal(1)) * scale, Decimal(0)
        elif word == "half" and not seen and _lower(tokens, index + 1) in ("a", *units.SCALES):
            part = Decimal("0.5")
        elif not (word in ("a", "an") and _lower(tokens, index + 1) in units.SCALES) and not (
            word == "and" and seen and _lower(tokens, index + 1) in units.NUMBERS
            and _lower(tokens, index - 1) in units.SCALES
        ):  # fmt: skip
            break
        index += 1
    value = total + part
    if not seen or (value == 1 and index - start == 1 and not measure(_lower(tokens, index))[0]):
        return start
    return _amount(tokens, (start, index), value, text=_shown(value), found=found)
