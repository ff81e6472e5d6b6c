"""Decides evidence in the background: equal, alike by vectors, a model's word wanted, or unsure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import psycopg
from django.db import close_old_connections

from caching import answers, terms
from caching.judge import comparing, evidence, learning
from caching.judge.comparing import Finding
from caching.judge.evidence import Open
from caching.terms import Agreed
from inference import embedding
from inference.words import EngineError
from routing import connections, embedders

AT_ONCE = 200
BATCH = 16
"""Pairs whose answers are made vectors of together."""
UNSURE = Finding(right=None, by="unsure")
EMPTY = Finding(right=False, by="unsure")


def run() -> int:
    """All that waits, up to a limit; then every team that it concerned learns from it."""
    close_old_connections()
    connection = connections.current()
    waiting = evidence.undecided(connection, at_most=AT_ONCE)
    agreed = terms.load() if waiting else {}
    decided: Counter[int] = Counter()
    for start in range(0, len(waiting), BATCH):
        for pair, finding in _compared(waiting[start : start + BATCH]):
            decided[pair.team_id] += _conclude(connection, pair, finding, agreed)
    for team_id in decided:
        learning.learn(team_id)
        evidence.prune(connection, team_id)
    return decided.total()


def _compared(pairs: Sequence[Open]) -> list[tuple[Open, Finding]]:
    """Vectors only for those that words alone do not decide."""
    first = [(pair, evidence.SAID.get(pair.judged_by) or _by_words(pair)) for pair in pairs]
    unclear = [pair for pair, finding in first if _is_open(pair, finding)]
    likeness = _likeness(unclear)
    return [
        (pair, _by_words(pair, likeness.get(pair.evidence_id)) if pair in unclear else finding)
        for pair, finding in first
    ]


def _is_open(pair: Open, finding: Finding) -> bool:
    return finding.right is None and bool(pair.stored) and pair.judged_by not in evidence.SAID


def _by_words(pair: Open, likeness: float | None = None) -> Finding:
    stored, fresh = answers.text(pair.stored), answers.text(pair.fresh)
    return comparing.judge(stored, fresh, likeness) if stored and fresh else EMPTY


def _likeness(pairs: Sequence[Open]) -> Mapping[int, float]:
    """Cosines of answers, where the embedder reads them whole; it stays unsaid where it cannot."""
    found: dict[int, float] = {}
    for pair in pairs:
        texts = [answers.text(pair.stored), answers.text(pair.fresh)]
        try:
            made = embedding.embed(embedders.house(), texts, domain=str(pair.team_id))
        except (EngineError, TimeoutError):
            continue
        if not made.truncated:
            found[pair.evidence_id] = float(made.vectors[0] @ made.vectors[1])
    return found


def _conclude(
    connection: psycopg.Connection[tuple[object, ...]],
    pair: Open,
    finding: Finding,
    agreed: Mapping[int, Agreed],
) -> int:
    """What only a model can tell waits for it, if the team has named one."""
    if not pair.stored:
        evidence.drop(connection, pair.evidence_id)
        return 0
    names_one = bool(agreed.get(pair.team_id, terms.UNSET).at(pair.route).judge_model)
    was_asked = bool(pair.judged_by)
    if finding.right is None and names_one and not was_asked and not pair.waited_too_long:
        evidence.want_model(connection, pair.evidence_id)
        return 0
    counted = evidence.decide(connection, pair.evidence_id, finding, stored=pair.stored)
    return int(counted is not None)
