"""A receipt made readable: its stages on a scale, its reasons in words; older shapes included."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analytics import decided, hedged, meanings, rivals
from analytics.decided import Matter
from analytics.models import Exchange
from analytics.rivals import EXCLUSIONS, Rival

POLICIES = {
    "best-value": "the backend whose expected quality, less its cost and lateness, is the best",
    "explored": "a backend that does not look best, to learn whether it is",
    "sticky": "the backend that this conversation is with",
    "cheapest-feasible": "the cheapest backend that satisfies every constraint",
    "fastest-feasible": "the backend expected to answer first of those that fit every constraint",
    "best-feasible": "the backend of the highest quality that satisfies every constraint",
    "named-model": "the backend that the request named",
}
KINDS = {
    "rule": "A rule of yours decided: {}.",
    "policy": "The policy chose {}.",
    "cascade": "A first answer was checked and not good enough, so a better backend answered ({}).",
    "experiment": "An experiment decided: {}.",
    "fallback": "An earlier backend failed ({}), so the next in line answered.",
    "retry": "It failed ({}) and nobody else was left, so it was asked once more.",
    "cache": "A request like this one was answered before ({}).",
    "semantic": "A question with the same meaning was answered before: {}.",
    "pattern": "A learned pattern answered: {}.",
    "budget": "A budget decided: {}.",
}
SENTENCES = {
    "cache:exact": "The same request was answered before; its stored answer was sent again.",
    "cache:semantic": "A stored question was found to mean the same; its answer was sent again.",
    "cache:pinned": "A person has pinned this answer for questions like this one.",
    "judge:shadow": "KORA asked again what it had answered from its store, to see whether that was "
    "right.",
    "judge:compare": "KORA had a model compare two answers.",
    "judge:probe": "The backend's breaker was open, and KORA asked for one token to see whether it "
    "is well again.",
    "cache:in-flight": "The same request was just being answered, so both share one answer.",
    "hedge:won": "The first backend was silent for too long; this one was asked beside it and "
    "spoke first.",
    "fallback:budget": "No budget had room for what was chosen, so a cheaper backend answered.",
    "infeasible": "No backend satisfied every constraint of the request.",
    "budget_exceeded": "A budget had no room for what this request could cost.",
    "rate_limited": "The key had used up its rate limit.",
    "queue_full": "Too many requests were waiting already.",
    "not_allowed": "The key or a rule forbids this request.",
    "upstream_failed": "Every backend that was tried failed.",
    "deadline_exceeded": "The deadline passed before an answer came.",
    "unavailable": "A part of KORA was down.",
    "model_not_found": "No model that this key may ask for has this name.",
    "cancelled": "The client left before the answer was complete.",
}
TRIED = ("Tried and failed", "warn")
LOST = ("Asked as well, and slower", "")
BEHIND = ("Ranked behind the one that answered", "")
LAST_TRIED = {
    "open": ("Is being asked", "warn"),
    "answered": ("Answered", "ok"),
    "cancelled": ("Was answering when the client left", "warn"),
}
"""What became of the backend that the receipt ends with, by how the request ended."""
SUCCESSES = {"", "answered", "ok"}
ABSENT = "not there"
"""A fact that a rule asked for in vain."""
STATES = {
    "open": ("Still running", "warn"),
    "answered": ("Answered", "ok"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled by the client", "warn"),
    "lost": ("Lost: the process serving it ended", "bad"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One line of the timeline; `x` and `width` are percentages of the whole request."""

    name: str
    note: str
    kind: str
    x: float
    width: float
    ms: float
    first_x: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """Everything the page of one receipt says beyond its columns."""

    state: str
    state_class: str
    reason: str
    bars: list[Bar]
    rivals: list[Rival]
    matters: list[Matter]
    signals: list[tuple[str, Any]]
    facts: list[tuple[str, Any]]
    binding: str
    meaning: meanings.Told | None
    others: list[tuple[str, Any]]


KNOWN = decided.KNOWN | {
    "stages", "attempts", "candidates", "signals", "facts", "binding", "headers", "meaning",
}  # fmt: skip


def story(exchange: Exchange) -> Story:
    receipt = exchange.receipt if isinstance(exchange.receipt, dict) else {}
    words, kind = STATES.get(exchange.state, (exchange.state, ""))
    binding = receipt.get("binding") or receipt.get("binding_constraint") or ""
    return Story(
        state=words,
        state_class=kind,
        reason=in_words(exchange.error_code or exchange.reason),
        bars=bars(receipt, exchange.total_ms),
        rivals=_rivals(receipt, exchange),
        matters=decided.matters(receipt),
        signals=_pairs(receipt.get("signals")),
        facts=[(name, ABSENT if v is None else v) for name, v in _pairs(receipt.get("facts"))],
        binding=": ".join(filter(None, [str(binding), EXCLUSIONS.get(str(binding), "")])),
        meaning=meanings.told(receipt),
        others=[(name, said) for name, said in receipt.items() if name not in KNOWN and said],
    )


def in_words(reason: str) -> str:
    """The machine word stays beside it on the page, so that it can be looked up."""
    if reason in SENTENCES:
        return SENTENCES[reason]
    kind, _, rest = reason.partition(":")
    rest = POLICIES.get(rest, rest.replace("-", " ").replace("_", " "))
    if kind in KINDS:
        return KINDS[kind].format(rest or "no further detail")
    return reason.replace("-", " ").replace("_", " ").replace(":", ": ").capitalize()


def bars(receipt: Mapping[str, Any], total_ms: float) -> list[Bar]:
    """Stages and attempts in order of time, on the scale of whichever ends last."""
    pieces = [*_stages(receipt), *_attempts(receipt)]
    scale = max([total_ms, *(start + length for _, _, _, start, length, _ in pieces)], default=0)
    if scale <= 0:
        return []
    return [_bar(piece, scale) for piece in sorted(pieces, key=lambda piece: (piece[3], -piece[4]))]


_Piece = tuple[str, str, str, float, float, float | None]


def _bar(piece: _Piece, scale: float) -> Bar:
    name, note, kind, start, length, first = piece
    return Bar(
        name=name,
        note=note,
        kind=kind,
        x=round(min(99.6, start / scale * 100), 2),
        width=round(max(0.4, min(length, scale - start) / scale * 100), 2),
        ms=length,
        first_x=None if first is None else round(min(99.8, first / scale * 100), 2),
    )


def _stages(receipt: Mapping[str, Any]) -> Iterable[_Piece]:
    for stage in _dicts(receipt.get("stages")):
        name = str(stage.get("name") or "stage").replace("_", " ").replace("-", " ").capitalize()
        note = str(stage.get("note") or "")
        note = note if ":" in note else note.replace("-", " ")
        yield name, note, "own", _ms(stage.get("at_ms")), _ms(stage.get("ms")), None


def _attempts(receipt: Mapping[str, Any]) -> Iterable[_Piece]:
    for place, attempt in enumerate(_dicts(receipt.get("attempts")), start=1):
        started, first = _ms(attempt.get("started_ms")), attempt.get("first_content_ms")
        failure = str(attempt.get("outcome") or "")
        good = failure in SUCCESSES and first is not None
        parts = (
            attempt.get("message") or failure,
            _tokens(attempt),
            _computed(attempt),
            attempt.get("worker"),
        )
        yield (
            f"Attempt {attempt.get('number') or place}: {attempt.get('backend') or 'unknown'}",
            " · ".join(str(part) for part in parts if part),
            "attempt-ok" if good else "attempt-bad",
            started,
            _length(attempt),
            None if first is None else _ms(first),
        )


def _length(attempt: Mapping[str, Any]) -> float:
    """Some receipts do not say when an attempt ended; then what the engine took is nearest."""
    waited = _ms(attempt.get("first_content_ms")) - _ms(attempt.get("started_ms"))
    return _ms(attempt.get("ms")) or max(_ms(attempt.get("engine_ms")), waited, 0.0)


def _tokens(attempt: Mapping[str, Any]) -> str:
    tokens = attempt.get("tokens")
    if isinstance(tokens, dict):
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in tokens.items())
    return f"{tokens} tokens" if tokens else ""


def _computed(attempt: Mapping[str, Any]) -> str:
    """Processor time of our own, where a model of ours was asked."""
    seconds = attempt.get("compute_s")
    return f"{seconds:.3f} s computed" if isinstance(seconds, int | float) and seconds else ""


def _rivals(receipt: Mapping[str, Any], exchange: Exchange) -> list[Rival]:
    tried = {
        str(attempt.get("backend")): LOST if attempt.get("outcome") == hedged.LOST else TRIED
        for attempt in _dicts(receipt.get("attempts"))
    }
    last = {exchange.backend: LAST_TRIED.get(exchange.state, TRIED)}
    verdicts = tried | last
    behind = BEHIND if exchange.state == "answered" else ("Not tried", "")
    rows = list(_dicts(receipt.get("candidates")))
    judged = {str(each.get("backend")): behind for each in rows} | verdicts
    return rivals.told(rows, judged)


def as_curl(exchange: Exchange, base: str) -> str:
    """The request again, as far as KORA keeps it: no prompt is stored, so one stands in for it."""
    asked = {"model": exchange.model_asked, **({"stream": True} if exchange.streamed else {})}
    body = json.dumps(asked | {"messages": [{"role": "user", "content": "Your prompt"}]})
    lines = [
        f"curl {base}/v1/chat/completions",
        '  -H "Authorization: Bearer $KORA_API_KEY"',
        '  -H "Content-Type: application/json"',
    ]
    if exchange.tags:
        tags = ",".join(f"{name}={said}" for name, said in exchange.tags.items())
        lines.append(f"  -H {shlex.quote(f'x-kora-tags: {tags}')}")
    if exchange.session:
        lines.append(f"  -H {shlex.quote(f'x-kora-session: {exchange.session}')}")
    return " \\\n".join([*lines, f"  -d {shlex.quote(body)}"])


def _pairs(said: object) -> list[tuple[str, Any]]:
    if not isinstance(said, dict):
        return []
    yes_no = {True: "yes", False: "no"}
    return [
        (str(name).replace("_", " "), yes_no[value] if isinstance(value, bool) else value)
        for name, value in said.items()
    ]


def _dicts(said: object) -> list[Mapping[str, Any]]:
    return [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []


def _ms(value: object) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0
