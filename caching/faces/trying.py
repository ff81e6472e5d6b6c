"""What the semantic tier would do with a question, step by step, without asking any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caching import guards, lookup, meaning, sharing
from caching.faces import browsing, hearing
from caching.faces.browsing import Row
from caching.faces.hearing import Court, Heard
from caching.judge import judging
from caching.models import CacheTerms, Entry, Generation
from caching.question import questions
from caching.values import Asked, Neighbour, NoMatch, NoQuestion, Question, Verdict
from teams.models import Team

UNREAD = {
    "empty": "there is nothing in it",
    "too-long": "it is longer than what is compared",
    "images": "it has images",
    "tools-in-play": "tools are in play",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """How it ended, and what was looked at on the way."""

    served: bool
    words: str
    question: str = ""
    """As it is compared."""
    verdict: Verdict | None = None
    answer: Row | None = None
    heard: Sequence[Heard] = ()
    foreign: int = 0
    """Neighbours that other teams of a shared group own: nothing of them is shown."""


def of(team: Team, kept: CacheTerms, asked: Mapping[str, str]) -> Trial:
    """Raises NoEmbedder where nothing can be compared at the moment."""
    model = asked.get("model") or "auto"
    if not kept.semantic:
        return Trial(served=False, words="This team does not answer by meaning (Terms).")
    found = questions.read(_body(asked, model), form="chat", model=model)
    if isinstance(found, NoQuestion):
        return Trial(served=False, words=f"Not compared: {UNREAD.get(found.reason, found.reason)}.")
    court = hearing.court(kept, model)
    return _judged(team, found, court, _near(team, found, court))


def _body(asked: Mapping[str, str], model: str) -> dict[str, Any]:
    system = [{"role": "system", "content": asked["system"]}] if asked.get("system") else []
    user = {"role": "user", "content": asked["question"]}
    return {"model": model, "messages": [*system, user]}


def _near(team: Team, question: Question, court: Court) -> list[Neighbour]:
    live = Generation.objects.filter(state="live").values_list("pk", flat=True).first()
    if live is None:
        return []
    asked = Asked(
        team_id=team.pk,
        fingerprint="",
        scopes=sharing.scopes_of(team),
        question=question,
        vector=meaning.vector(question.text, domain=str(team.pk)),
        terms=court.terms,
    )
    with lookup.connect() as connection:  # Django's own cannot read binary results
        return lookup.neighbours(connection, asked, live)


def _judged(team: Team, question: Question, court: Court, near: Sequence[Neighbour]) -> Trial:
    """All neighbours together, as a request would be judged; then each by itself, to say why."""
    found = judging.judge(question.text, near, court.mind, court.terms)
    verdict = found.verdict if isinstance(found, NoMatch) else found
    rows = _rows(team, near)
    heard = court.hear_all(question.text, rows)
    served = verdict is not None and verdict.served
    chosen = next((r for r in rows if verdict and r.entry.pk == verdict.entry_id), None)
    guard = guards.disagreement(question.text, chosen.entry.question) if chosen else ""
    return Trial(
        served=served,
        words=hearing.why(found, "" if served else guard) if near else NOTHING,
        question=question.text,
        verdict=verdict,
        answer=chosen if served else None,
        heard=heard,
        foreign=_foreign(team, near),
    )


def _foreign(team: Team, near: Sequence[Neighbour]) -> int:
    close = [each.entry_id for each in near if each.similarity >= 1 - browsing.FARTHEST]
    return Entry.objects.filter(pk__in=close).exclude(team=team).count()


NOTHING = "Nothing is stored whose surroundings (model asked, system prompt, …) are the same."


def _rows(team: Team, near: Sequence[Neighbour]) -> list[Row]:
    wanted = Entry.objects.filter(team=team, pk__in=[each.entry_id for each in near])
    found = {entry.pk: entry for entry in wanted.select_related("team", "intent").defer("chunks")}
    return [
        replace(browsing.row_of(found[each.entry_id]), similarity=each.similarity)
        for each in near
        if each.entry_id in found and each.similarity >= 1 - browsing.FARTHEST
    ]
