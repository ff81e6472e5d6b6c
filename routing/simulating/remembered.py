"""What rules may ask of a request that is long over: what its receipt kept, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from routing.rules.judging import Compiled, Rules
from routing.signals import names
from routing.signals.facts import ABSENT, UNKEPT, Facts
from routing.simulating.records import Record

TAGS = "tags."
UTC = "UTC"
UNLOOKED = frozenset({"not-needed", "embedder-busy", "no-embedder"})


class _Unkept(Mapping[str, Callable[[], Any]]):
    """A source for every name that the receipt says nothing of; tags are all there or absent."""

    def __getitem__(self, name: str) -> Callable[[], Any]:
        if name.startswith(TAGS):
            raise KeyError(name)
        return lambda: UNKEPT

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        """It lists no names and has a source for each."""
        return True


UNKEPT_SOURCES = _Unkept()


def facts(record: Record, time_zone: str = UTC) -> Facts:
    here = record.at.astimezone(ZoneInfo(time_zone))
    kept = {
        **record.signals,
        "model": record.model,
        "team": record.team,
        "key": record.key,
        "user": record.user or ABSENT,
        "session": record.session or ABSENT,
        "form": record.asked.get("form", "chat"),
        "stream": record.streamed,
        **{f"{TAGS}{name}": value for name, value in record.tags.items()},
        **_recognised(record),
        **_backends(record),
        **(record.receipt.get("facts") or {}),
        "hour": here.hour,
        "weekday": names.DAYS[here.weekday()],
    }
    return Facts(kept, UNKEPT_SOURCES)


def _recognised(record: Record) -> dict[str, Any]:
    """Where a backend was chosen, that stage had been reached; it may not have looked."""
    said = record.receipt.get("intent") or {}
    if not record.candidates or said.get("why", "") in UNLOOKED:
        return {}
    intent = said.get("intent") or ABSENT
    return {
        "intent": intent,
        "intent_confidence": said.get("confidence") if intent else ABSENT,
        "complexity": said.get("complexity"),
    }


def _backends(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in record.candidates:
        state = record.moment.get(name) or {}
        load = state.get("load") or {}
        found[f"health.{name}"] = "failing" if state.get("failing") else "healthy"
        found[f"queue_s.{name}"] = load.get("wait_s", 0.0) if "places" in load else ABSENT
    return found


def known(rules: Rules, answers: Mapping[str, bool]) -> Rules:
    """What the receipt cannot say of a rule, it may say of the rule as it stood then: the same
    condition under the same name held, or did not."""
    return Rules(
        number=rules.number,
        rules=tuple(_known(rule, answers) for rule in rules.rules),
        leaves=rules.leaves,
        broken=rules.broken,
    )


def _known(rule: Compiled, answers: Mapping[str, bool]) -> Compiled:
    if rule.name not in answers:
        return rule
    held, asked = answers[rule.name], rule.holds

    def holds(facts: Facts, seen: list[Any]) -> bool | None:
        found = asked(facts, seen)
        return held if found is None else found

    return Compiled(
        name=rule.name,
        holds=holds,
        effects=rule.effects,
        deny=rule.deny,
        reply=rule.reply,
        goes_on=rule.goes_on,
    )


def held_then(record: Record, then: tuple[Any, ...]) -> dict[str, tuple[Any, bool]]:
    """Of the rules in force when it came, in their order: the condition, and whether it held; those
    behind the one that ended the list were not asked."""
    found: dict[str, tuple[Any, bool]] = {}
    held = set(record.held)
    for rule in then:
        if not rule.get("enabled", True) or _is_passed_over(rule, record):
            continue
        holds = rule["name"] in held
        found[rule["name"]] = (rule.get("when", {}), holds)
        if holds and not (rule.get("then") or {}).get("continue"):
            break
    return found


def _is_passed_over(rule: Any, record: Record) -> bool:
    """Who wants vectors is not answered with words, whatever the condition says."""
    return "reply" in (rule.get("then") or {}) and record.asked.get("form") == "embeddings"
