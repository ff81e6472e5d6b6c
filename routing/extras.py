"""What a caller sets in `x-kora-*` headers or in the body's `kora` object (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from routing.errors import InvalidRequest

Body = dict[str, Any]
CACHE_MODES = ("default", "no-cache", "no-store", "only")
NO_READ = frozenset({"no-cache", "off"})
NO_STORE = frozenset({"no-store", "off"})
"""`off`, which only rules can make of the two together, is both."""
LOCALITIES = ("any", "local")
LONGEST_NAME = 200
MOST_TAGS = 16
EXTRAS = (
    "max-cost", "max-latency-ms", "min-quality", "locality", "cache", "max-age",
    "similarity", "session", "user", "tags", "deadline", "debug",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraints:
    """What the caller set in `x-kora-*` headers or the body's `kora` object."""

    max_cost: Decimal | None = None
    max_latency_ms: float | None = None
    min_quality: float | None = None
    locality: str = "any"
    cache: str = "default"
    max_age_s: float | None = None
    similarity: float | None = None
    session: str = ""
    user: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    deadline: datetime | None = None
    debug: bool = False

    @property
    def reads_stored(self) -> bool:
        return self.cache not in NO_READ

    @property
    def may_store(self) -> bool:
        return self.cache not in NO_STORE


def told(given: object, headers: Mapping[str, str]) -> dict[str, Any]:
    """Headers win over the body's object: a proxy in between can only add headers."""
    if given is not None and not isinstance(given, dict):
        raise InvalidRequest("'kora' must be an object.", param="kora")
    extras = {str(key).replace("_", "-"): value for key, value in (given or {}).items()}
    unknown = next((name for name in extras if name not in EXTRAS), None)
    if unknown is not None:
        raise InvalidRequest(f"'kora.{unknown}' is not a known extra.", param=f"kora.{unknown}")
    for name in EXTRAS:
        value = headers.get("x-kora-" + name)
        if value is not None:
            extras[name] = _as_utf8(value)
    return extras


def _as_utf8(value: str) -> str:
    """A header comes as Latin-1, byte by byte; what clients write there today is UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


NO_CONSTRAINTS = Constraints()


def constraints(extras: dict[str, Any], body: Body) -> Constraints:
    user = body.get("user")
    if not extras and user is None:
        return NO_CONSTRAINTS
    return Constraints(
        max_cost=_decimal(extras, "max-cost"),
        max_latency_ms=_number(extras, "max-latency-ms", 1, 86_400_000),
        min_quality=_number(extras, "min-quality", 0, 1),
        locality=_choice(extras, "locality", LOCALITIES),
        cache=_choice(extras, "cache", CACHE_MODES),
        max_age_s=_number(extras, "max-age", 0, 10**9),
        similarity=_number(extras, "similarity", 0, 1),
        session=_name(extras, "session"),
        user=_name(extras, "user") or (user[:LONGEST_NAME] if isinstance(user, str) else ""),
        tags=_tags(extras.get("tags")),
        deadline=_moment(extras),
        debug=_flag(extras, "debug"),
    )


def _wrong(name: str, must: str) -> InvalidRequest:
    return InvalidRequest(f"'x-kora-{name}' must be {must}.", param=f"x-kora-{name}")


def _decimal(extras: dict[str, Any], name: str) -> Decimal | None:
    if name not in extras:
        return None
    try:
        value = Decimal(str(extras[name]))
    except InvalidOperation as error:
        raise _wrong(name, "an amount in USD") from error
    if not value.is_finite() or not 0 <= value <= 10**9:
        raise _wrong(name, "an amount in USD, zero or more")
    return value


def _number(extras: dict[str, Any], name: str, low: float, high: float) -> float | None:
    if name not in extras:
        return None
    if isinstance(extras[name], bool):
        raise _wrong(name, "a number")
    try:
        value = float(extras[name])
    except (TypeError, ValueError) as error:
        raise _wrong(name, "a number") from error
    if not low <= value <= high:
        raise _wrong(name, f"a number from {low} to {high}")
    return value


def _flag(extras: dict[str, Any], name: str) -> bool:
    text = str(extras.get(name, "false")).lower()
    if text not in {"true", "1", "false", "0"}:
        raise _wrong(name, "true or false")
    return text in {"true", "1"}


def _choice(extras: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = extras.get(name, known[0])
    if value not in known:
        raise _wrong(name, "one of " + ", ".join(known))
    return str(value)


def _name(extras: dict[str, Any], name: str) -> str:
    value = extras.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not (value.isprintable()):
        raise _wrong(name, f"printable text of at most {LONGEST_NAME} characters")
    return value


def _tags(given: object) -> dict[str, str]:
    """`a=b,c=d` in a header, or an object of strings in the body."""
    if given is None:
        return {}
    pairs = given.items() if isinstance(given, dict) else _split_tags(given)
    tags: dict[str, str] = {}
    for each in pairs:
        name, value = (x.strip() if isinstance(x, str) else x for x in each)
        fine = all(
            isinstance(x, str) and 0 < len(x) <= 64 and x.isprintable() for x in (name, value)
        )
        if not fine:
            raise _wrong("tags", "written a=b,c=d with short printable names and values")
        tags[name] = value
    if len(tags) > MOST_TAGS:
        raise _wrong("tags", f"at most {MOST_TAGS}")
    return tags


def _split_tags(given: object) -> list[tuple[str, str]]:
    if not isinstance(given, str):
        raise _wrong("tags", "written a=b,c=d")
    pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _moment(extras: dict[str, Any]) -> datetime | None:
    if "deadline" not in extras:
        return None
    try:
        moment = datetime.fromisoformat(str(extras["deadline"]))
    except ValueError as error:
        raise _wrong("deadline", "an RFC 3339 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
