"""The rules stage: what the published rules make of a request, and what they may ask about it."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson

from caching.values import Match
from routing import closing, known, semantics, stages
from routing.errors import NotAllowed, NothingStored
from routing.questions import Constraints
from routing.rules import effects, judging
from routing.rules.values import Effects, Ruling
from routing.way import Way

FREE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def judge(way: Way) -> Match | None:
    """Everyone's rules first; where they neither refuse nor answer, the team's own.

    A match is what a rule answers; a rule that refuses raises NotAllowed.
    """
    way.facts, way.given = known.facts(way), way.prompt.constraints
    standing = way.standing
    ruling = judging.judge(standing.everyone, way.facts)
    way.ruling = ruling = judging.judge(standing.own, way.facts, before=ruling)
    if ruling.deny is not None:
        raise NotAllowed(ruling.deny, headers=_told(way))
    if ruling.reply is not None:
        return _match(way, ruling, ruling.reply)
    if ruling.effects.cache or ruling.effects.constraints or demands(ruling.effects):
        _narrow(way, ruling.effects)
    return None


def _told(way: Way) -> dict[str, str]:
    return {"x-kora-reason": way.ruling.reason, "x-kora-policy": str(way.policy)}


def _match(way: Way, ruling: Ruling, text: str) -> Match:
    """A chat answer; the path that was asked decides how it is shown."""
    message = {"role": "assistant", "content": text}
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
        for index in range(way.prompt.choices)
    ]
    body = {
        "object": "chat.completion",
        "created": int(time.time()),
        "model": way.prompt.model,
        "choices": choices,
        "usage": FREE,
    }
    return Match(
        tier=closing.RULED,
        reason=ruling.reason,
        backend="",
        answer=orjson.dumps(body),
        chunks=None,
        cost=Decimal(0),
        prompt_tokens=0,
        completion_tokens=0,
        exchange_id=way.exchange_id,
        created_at=way.at,
        age_s=0.0,
    )


def _narrow(way: Way, wanted: Effects) -> None:
    """Constraints go into the request itself, so that whatever looks at them later sees them; and
    an answer that was given under other demands is another one."""
    limits = narrowed(way.prompt.constraints, wanted)
    way.known_prompt = replace(way.prompt, constraints=limits)
    if way.fingerprint:
        way.demands = demands(wanted)
        way.fingerprint = stages.fingerprint(way.prompt)
        semantics.place(way)


def narrowed(given: Constraints, wanted: Effects) -> Constraints:
    own: dict[str, Any] = {
        "max_cost": given.max_cost,
        "max_latency_ms": given.max_latency_ms,
        "min_quality": given.min_quality,
        "locality": given.locality,
        "max_age": given.max_age_s,
        "similarity": given.similarity,
        "mode": given.cache,
    }
    asked = {name: value for name, value in own.items() if value is not None}
    said = {name: v for name, v in {**wanted.constraints, **wanted.cache}.items() if name in own}
    both = effects.stricter(asked, said)
    if both["mode"] == "":
        raise NothingStored  # stored answers alone were asked for, and a rule forbids them
    both["cache"], both["max_age_s"] = both.pop("mode"), both.pop("max_age", None)
    return replace(given, **both)


def demands(wanted: Effects) -> str:
    """What a rule says of who may answer, as one text; nothing where it says nothing."""
    data_class = wanted.constraints.get("data_class", "")
    if not (wanted.use or wanted.avoid or data_class) and wanted.only is None:
        return ""
    only = None if wanted.only is None else sorted(wanted.only)
    return orjson.dumps([wanted.use, only, sorted(wanted.avoid), data_class]).decode()
