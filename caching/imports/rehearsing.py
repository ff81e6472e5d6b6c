"""A test run of sample questions: what each would be served now, without asking any model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from caching import answers, lookup, matching, sharing
from caching.faces import trying
from caching.faces.trying import Trial
from caching.models import CacheTerms
from caching.question import questions
from caching.values import Asked, Match, NoQuestion
from teams.models import Team

EXACT = "Served: its very words are answered."
MOST = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """How the questions would be asked."""

    model: str = "auto"
    system: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One question, and what would come of it."""

    line: int
    question: str
    tier: str
    """`exact`, `semantic`, or empty: a model would be asked."""
    words: str
    answer: str = ""
    neighbour: str = ""
    entry_id: int | None = None
    similarity: float | None = None
    p: float | None = None
    lower: float | None = None
    guard: str = ""
    """What objected to the nearest neighbour, if anything did."""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def rehearse(
    team: Team, kept: CacheTerms, asked: Iterable[tuple[int, str]], setting: Setting
) -> Iterator[Sample]:
    """Line and question each; raises NoEmbedder where nothing can be compared at the moment."""
    for line, words in asked:
        yield _exact(team, line, words, setting) or _by_meaning(team, kept, (line, words), setting)


def told(samples: Sequence[Sample]) -> str:
    """The summary, in one sentence."""
    counted = Counter(sample.tier for sample in samples)
    served = len(samples) - counted[""]
    return (
        f"{served} of {len(samples)} would be served without a model: {counted['exact']} by their "
        f"words, {counted['semantic']} by their meaning."
    )


def _exact(team: Team, line: int, words: str, setting: Setting) -> Sample | None:
    """Only what stands for any plain question: a request's own fingerprint has more in it."""
    messages = [{"role": "user", "content": words}]
    if setting.system:
        messages.insert(0, {"role": "system", "content": setting.system})
    body = {"model": setting.model, "messages": messages}
    question = questions.read(body, form="chat", model=setting.model)
    if isinstance(question, NoQuestion):
        return None
    asked = Asked(
        team_id=team.pk, fingerprint="", scopes=sharing.scopes_of(team), question=question
    )
    with lookup.connect() as connection:
        found = matching.exact(connection, asked)
    if not isinstance(found, Match):
        return None
    return Sample(
        line=line,
        question=words,
        tier="exact",
        words=EXACT,
        answer=answers.text(found.answer),
        neighbour=question.text,
        entry_id=found.entry_id,
        similarity=1.0,
    )


def _by_meaning(team: Team, kept: CacheTerms, asked: tuple[int, str], setting: Setting) -> Sample:
    line, words = asked
    wanted = {"question": words, "model": setting.model, "system": setting.system}
    return _sample(line, words, trying.of(team, kept, wanted))


def _sample(line: int, words: str, trial: Trial) -> Sample:
    verdict = trial.verdict
    near = trial.answer or (trial.heard[0].row if trial.heard else None)
    said = next((h for h in trial.heard if near and h.row.entry.pk == near.entry.pk), None)
    return Sample(
        line=line,
        question=words,
        tier="semantic" if trial.served else "",
        words=trial.words,
        answer=trial.answer.answer if trial.answer else "",
        neighbour=near.entry.question if near else "",
        entry_id=verdict.entry_id if verdict else None,
        similarity=verdict.similarity if verdict else None,
        p=verdict.p if verdict else None,
        lower=verdict.lower if verdict else None,
        guard=said.guard if said else "",
    )
