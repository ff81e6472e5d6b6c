"""What a decided request came to, kept to learn from once its reply is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analytics.values import Outcome
from routing import connections, embedders, execution, seats
from routing.failover import failures
from routing.learning import features, outcomes
from routing.learning.outcomes import Came
from routing.policy.values import Decision
from routing.tries import Try
from routing.way import Room, Way

ERRORS = 2
"""Tool results in a row that report an error: whoever called them goes in circles."""
WRONG = ("error", "traceback", "exception", "failed", '{"error"')
NO_STORE = "no-store"
BLAMELESS = {"answered", failures.BUSY, failures.HEDGE_LOST, *failures.OURS, *failures.WELL}


def is_worth_it(way: Way, outcome: Outcome) -> bool:
    """A backend was chosen for somebody, asked, and answered or failed."""
    decided = isinstance(way.decision, Decision) and bool(way.tries)
    ended = outcome.state == "answered" or bool(outcome.error_code and way.tries[-1:])
    embeds = way.known_prompt is not None and way.prompt.inputs > 0
    return decided and ended and outcome.state != "cancelled" and not (way.is_aside or embeds)


async def keep(way: Way, room: Room, outcome: Outcome) -> None:
    await execution.in_thread(room, _keep, way, outcome)


def _keep(way: Way, outcome: Outcome) -> None:
    connection, came = connections.current(), read(way, outcome)
    outcomes.keep(connection, came)
    earlier = outcomes.before(connection, came) if came.session else None
    if earlier is not None:
        exchange_id, mark = earlier
        said = _of_the_answer_before(way, again=mark == came.mark)
        if said:
            outcomes.note(connection, exchange_id, came.team_id, said)


def read(way: Way, outcome: Outcome) -> Came:
    """Of the backend that was chosen, whoever answered in the end."""
    first, decision = way.tries[0], way.decision
    slower = [each for each in way.tries if each.outcome == failures.HEDGE_LOST]
    ok = outcome.state == "answered" and first not in slower and len(way.tries) == 1 + len(slower)
    explored = isinstance(decision, Decision) and decision.explored
    propensity = decision.propensity if isinstance(decision, Decision) else 1.0
    name = first.candidate.backend.name
    estimate = way.outlook.estimates.get(name)
    vector = way.vector if way.prompt.constraints.cache != NO_STORE else None
    return Came(
        exchange_id=way.exchange_id,
        at=way.at,
        team_id=way.caller.team_id,
        intent=way.recognised.intent,
        complexity=way.recognised.complexity,
        backend=name,
        policy=way.policy,
        learned=way.outlook.version,
        propensity=propensity,
        explored=explored,
        expected=estimate.quality if estimate else None,
        features=features.read(way.signals.as_json(), way.recognised.complexity),
        embedder=embedders.house().name if vector is not None else "",
        vector=vector,
        session=_session(way),
        mark=way.fingerprint,
        experiment=_experiment(way),
        ok=ok,
        cost=float(first.cost or 0),
        total_ms=outcome.total_ms or 0.0,
        first_content_ms=outcome.first_content_ms,
        prompt_tokens=outcome.prompt_tokens or 0,
        completion_tokens=outcome.completion_tokens or 0,
        parts=_parts(way, outcome, first, ok=ok),
    )


def _session(way: Way) -> str:
    """Whoever names neither a session nor a user is known by how the conversation began."""
    named = way.prompt.constraints
    if named.session or named.user:
        return f"s:{named.session}" if named.session else f"u:{named.user}"
    return seats.place(way.caller.team_id, way.prompt)


def _experiment(way: Way) -> str:
    return way.taken.label if way.taken and not way.taken.left else ""


def _parts(way: Way, outcome: Outcome, first: Try, *, ok: bool) -> dict[str, float]:
    """A check's score is about the backend that was chosen, whoever answered in the end."""
    checked = {"verifier": way.cascade["score"]} if "score" in way.cascade else {}
    return {**checked, **_of_answering(way, outcome, first, ok=ok)}


def _of_answering(way: Way, outcome: Outcome, first: Try, *, ok: bool) -> dict[str, float]:
    """What KORA, the caller or a full queue was to blame for says nothing of the backend."""
    if not ok:
        blamed = first.outcome and first.outcome not in BLAMELESS
        return {"answered": 0.0} if blamed else {}
    asked_ms = way.prompt.constraints.max_latency_ms
    if not asked_ms:
        return {}
    return {"latency": float((outcome.total_ms or 0.0) <= asked_ms)}


def _of_the_answer_before(way: Way, *, again: bool) -> Mapping[str, float]:
    """What this request shows of it: asked again, put differently, or its tool calls in vain."""
    if again:
        return {"regenerated": 0.0}
    if way.signals.as_json().get("re_ask"):
        return {"re_asked": 0.0}
    return {"tool_errors": 0.0} if _in_circles(way.prompt.messages) else {}


def _in_circles(messages: list[dict[str, Any]]) -> bool:
    results = [m for m in messages if m["role"] in seats.ANSWERS][-ERRORS:]
    last = bool(messages) and messages[-1]["role"] in seats.ANSWERS
    return last and len(results) == ERRORS and all(map(_is_wrong, results))


def _is_wrong(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, str) and content.lstrip().lower().startswith(WRONG)
