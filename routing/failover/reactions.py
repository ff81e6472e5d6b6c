"""What follows a failed attempt: whom to ask next and when, or nobody (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from routing.failover import failures
from routing.policy import eligibility
from routing.policy.values import Candidate

RETRIES = 2
"""To somebody who has failed already, in all of a request."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """How one attempt ended."""

    candidate: Candidate
    failure: str
    retry_after_s: float | None = None
    """From now on, as its provider demands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What is left to a request whose last attempt has failed."""

    failed: tuple[Failed, ...]
    """Every attempt so far, the last one last."""
    order: tuple[Candidate, ...]
    chain: tuple[Candidate, ...] = ()
    """Who is named for this kind of failure, by the policy's `fallbacks`."""
    left_s: float
    left_usd: Decimal | None = None
    may_retry: bool = True
    """The process has retries left: a storm of them would make things worse."""
    shut: frozenset[int] = frozenset()
    """Backends whose breakers are open by now."""
    draw: float = 1.0
    """Uniform from 0 to 1, so that those who failed together do not come back together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    candidate: Candidate
    wait_s: float
    reason: str

    @property
    def is_retry(self) -> bool:
        """To one that has failed already."""
        return self.reason.startswith("retry:")


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveUp:
    why: str


def react(state: State) -> Again | GiveUp:
    last = state.failed[-1]
    if last.failure in failures.BUS or last.failure == failures.CLIENT:
        return GiveUp(why=last.failure)
    following = next(iter(_others(state)), None)
    if following is not None:
        return Again(candidate=following, wait_s=0.0, reason=f"fallback:{last.failure}")
    if last.failure in (failures.POLICY, failures.CONTEXT, failures.UNSUPPORTED):
        return GiveUp(why=last.failure)
    return _same_again(state)


def _others(state: State) -> Iterable[Candidate]:
    """Those not asked yet that time and money are left for, in the order in which to ask them."""
    last = state.failed[-1]
    asked = {each.candidate.backend.backend_id for each in state.failed} | state.shut
    for candidate in _in_question(state, last):
        if candidate.backend.backend_id not in asked and _fits(state, candidate, wait_s=0.0):
            yield candidate


def _in_question(state: State, last: Failed) -> list[Candidate]:
    if last.failure == failures.POLICY:
        return list(state.chain)
    if last.failure == failures.CONTEXT:
        least = max(
            e.candidate.backend.context for e in state.failed if e.failure == failures.CONTEXT
        )
        both = [*state.chain, *state.order]
        return [each for each in both if each.backend.context > least]
    if last.failure == failures.NO_WORKER:
        tier = last.candidate.backend.tier
        return [each for each in (*state.order, *state.chain) if each.backend.tier != tier]
    return [*state.order, *state.chain]


def _same_again(state: State) -> Again | GiveUp:
    """Nobody else is left: who may recover is asked once more, when it says or after a pause."""
    again = [each for each in _latest(state.failed) if _may_recover(state, each)]
    done = len(state.failed) - len({e.candidate.backend.backend_id for e in state.failed})
    if not again or done >= RETRIES or not state.may_retry:
        return GiveUp(why="retries" if again else "nobody")
    waits = [(_wait_s(each, done, state.draw), number) for number, each in enumerate(again)]
    wait_s, number = min(waits)
    chosen = again[number]
    if not _fits(state, chosen.candidate, wait_s=wait_s):
        return GiveUp(why="deadline")
    return Again(candidate=chosen.candidate, wait_s=wait_s, reason=f"retry:{chosen.failure}")


def _latest(failed: tuple[Failed, ...]) -> list[Failed]:
    """How each backend failed the last time."""
    return list({each.candidate.backend.backend_id: each for each in failed}.values())


def _may_recover(state: State, each: Failed) -> bool:
    """KORA's own faults are worth one more try."""
    if each.candidate.backend.backend_id in state.shut:
        return False
    if each.failure in failures.OURS - {failures.NO_WORKER}:
        tries = [e for e in state.failed if e.candidate is each.candidate]
        return len(tries) == 1
    return each.failure in failures.AGAIN


def _wait_s(each: Failed, done: int, draw: float) -> float:
    """What its provider says, exactly; else a random part of a pause that doubles."""
    if each.retry_after_s is not None:
        return each.retry_after_s
    if each.failure in failures.OURS:
        return 0.0
    return draw * float(min(FIRST_WAIT_S * 2**done, LONGEST_WAIT_S))


def _fits(state: State, candidate: Candidate, *, wait_s: float) -> bool:
    left_s = state.left_s - wait_s
    return left_s > 0 and eligibility.still(candidate, left_s=left_s, left_usd=state.left_usd)


def retry_after_s(failed: Iterable[Failed]) -> float | None:
    """When the first of those who failed says that it can be asked again."""
    said = [e.retry_after_s for e in _latest(tuple(failed)) if e.retry_after_s is not None]
    return min(said, default=None)
