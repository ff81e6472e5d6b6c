"""What the judge says of stored answers beside a question: for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from analytics import meanings
from caching import guards, terms
from caching.faces.browsing import Row
from caching.judge import judging, minds
from caching.judge.minds import Mind
from caching.models import CacheTerms, Entry
from caching.models import Mind as KeptMind
from caching.values import Neighbour, NoMatch, Terms, Verdict

OF_A_ROUTE = frozenset({"semantic", "epsilon", "static_threshold"})
"""What of a route's own terms the judge asks for."""
WHY = {
    "bound": "It would be served: answers like it are right often enough.",
    "pinned": "It would be served: a person vouches for its answer.",
    "static": "It would be served: it is above the static threshold, which stands until there is "
    "enough evidence.",
    "doubted": "Not served: its answer was found wrong of late; one fresh answer that agrees ends "
    "the doubt.",
    "below-bound": "Not served: too many answers like it could be wrong.",
    "below-threshold": "Not served: it is below the static threshold, which stands until there is "
    "enough evidence.",
    "other-words": "Not served: it has other words, and too little evidence tells yet what "
    "they change.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One stored answer, the judge's word on it, and that word as a sentence."""

    row: Row
    verdict: Verdict | None
    guard: str
    why: str

    @property
    def served(self) -> bool:
        return self.verdict is not None and self.verdict.served


@dataclass(frozen=True, kw_only=True, slots=True)
class Court:
    """What every judgement of one team rests on."""

    mind: Mind
    terms: Terms

    def hear(self, question: str, row: Row) -> Heard:
        """Whether this row's answer would be served if this were asked."""
        guard = guards.disagreement(question, row.entry.question)
        found = judging.judge(question, [_neighbour(row)], self.mind, self.terms)
        verdict = found.verdict if isinstance(found, NoMatch) else found
        return Heard(row=row, verdict=verdict, guard=guard, why=why(found, guard))

    def hear_all(self, question: str, rows: Sequence[Row]) -> list[Heard]:
        return [self.hear(question, row) for row in rows]

    def hear_for(self, entry: Entry, rows: Sequence[Row]) -> list[Heard]:
        """Whether this entry would answer each of its neighbours' questions."""
        return [
            replace(self.hear(row.entry.question, replace(row, entry=entry)), row=row)
            for row in rows
        ]


def court(kept: CacheTerms, model: str = "") -> Court:
    """By the team's terms, and what they say otherwise of the model asked for."""
    found = Terms(**{name: getattr(kept, name) for name in terms.NAMES})
    otherwise = kept.routes.get(model, {}) if isinstance(kept.routes, dict) else {}
    known = {name: value for name, value in otherwise.items() if name in OF_A_ROUTE}
    return Court(mind=mind_of(kept.team_id), terms=replace(found, **known))


def mind_of(team_id: int) -> Mind:
    newest = KeptMind.objects.filter(team_id=team_id, withdrawn_at=None).order_by("-id").first()
    return minds.from_json(newest.learned, seen=newest.seen) if newest else minds.UNTAUGHT


def why(found: Verdict | NoMatch, guard: str) -> str:
    if guard:
        return f"Not served: {meanings.GUARDS.get(guard, f'the guard “{guard}” objects')}."
    return WHY.get(found.reason, f"Not served: {found.reason}.")


def _neighbour(row: Row) -> Neighbour:
    entry = row.entry
    return Neighbour(
        entry_id=entry.pk,
        similarity=row.similarity or 0.0,
        question=entry.question,
        answer_class=bytes(entry.answer_class or b""),
        rights=entry.rights,
        wrongs=entry.wrongs,
        age_s=(datetime.now(UTC) - entry.created_at).total_seconds(),
        pinned=entry.pinned_at is not None,
        doubts=entry.doubts,
    )
