"""A request by its meaning: whose answers may serve it, its question and vector, what is near."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from caching import matching, scopes
from caching.question import questions
from caching.values import Asked, Match, Neighbour, NoMatch, NoQuestion, Question, Verdict
from caching.vectors import generations
from inference.words import EngineError
from routing import catalog, connections, embedders, minds
from routing.questions import Constraints
from routing.way import Way

if TYPE_CHECKING:
    from inference.embedding import Embedded

PATIENCE_S = 0.25
"""What a vector may take; a model is asked rather than waited for an embedder."""
TOLD = 3
"""Neighbours that a receipt shows."""
LONGEST_TOLD = 300


def place(way: Way) -> None:
    """What is asked, whose stored answers may serve it, and where its own answer goes."""
    team_id, user = way.caller.team_id, way.prompt.constraints.user
    agreed = catalog.current().agreed(team_id)
    way.terms = agreed.at(way.prompt.model)
    if way.demands:
        way.fingerprint = salted(way.fingerprint, way.demands)
    if agreed.terms.scope != "user":
        way.scopes = scopes.read(team_id, agreed.groups)
        way.scope = scopes.written(team_id, agreed.gives_to)
    elif user:
        way.scope = scopes.of_user(team_id, user)
        way.scopes = (way.scope,)
        way.fingerprint = salted(way.fingerprint, way.scope)
    read(way)


def salted(fingerprint: str, scope: str) -> str:
    return hashlib.sha256(f"{fingerprint}\0{scope}".encode()).hexdigest()


def asked(way: Way) -> Asked:
    wanted = way.prompt.constraints
    return Asked(
        team_id=way.caller.team_id,
        fingerprint=way.fingerprint,
        scopes=way.scopes,
        question=way.question,
        vector=way.vector,
        max_age_s=wanted.max_age_s,
        similarity=wanted.similarity,
        terms=way.terms,
    )


def look(way: Way) -> Match | NoMatch:
    """What is stored for a question like this one, and whether it may be served."""
    unable = _prepare(way)
    if unable:
        return NoMatch(reason=unable)
    generation = generations.to_search(catalog.current().generations, embedders.house())
    if isinstance(generation, NoMatch):
        return generation
    mind = minds.of(way.caller.team_id)
    found = matching.semantic(connections.current(), asked(way), mind, generation.id)
    way.near = found.verdict
    way.meaning = told(found, epsilon=way.terms.epsilon, team_id=way.caller.team_id)
    return found


def _prepare(way: Way) -> str:
    """Has the question's vector made, or says why that is not worth it."""
    if not way.terms.semantic:
        return "switched-off"
    if not way.scopes:
        return "no-user"
    if way.question is None:
        return way.unasked
    if not way.prompt.constraints.reads_stored:
        return "not-wanted"
    return embed(way, way.question)


def read(way: Way) -> None:
    """The question, once: the exact tier knows questions that an answer stands for."""
    prompt = way.prompt
    if not way.terms.semantic:
        return
    found = questions.read(prompt.body, form=prompt.form, model=prompt.model)
    if isinstance(found, NoQuestion):
        way.unasked = found.reason
    else:
        way.question = _as_wanted(found, prompt.constraints, way.demands)


def _as_wanted(question: Question, wanted: Constraints, demands: str) -> Question:
    """What headers and rules demand of a backend surrounds the question as well."""
    if wanted.locality == "any" and wanted.min_quality is None and not demands:
        return question
    all_of_it = f"{question.surroundings}\0{wanted.locality}\0{wanted.min_quality}"
    all_of_it += f"\0{demands}" if demands else ""
    return replace(question, surroundings=hashlib.sha256(all_of_it.encode()).hexdigest())


def embed(way: Way, question: Question) -> str:
    """The vector, once, for looking and for remembering; a busy embedder is not waited for."""
    if way.vector is not None:
        return ""
    found = made(way, question.text)
    if isinstance(found, str):
        return found
    if found.truncated:
        return "too-long"  # the embedder would read only the beginning of it
    way.vector = found.vectors[0]
    return ""


def made(way: Way, text: str) -> Embedded | str:
    """Or in one word why there is none."""
    embedder = embedders.house()
    if embedder.wait_s > PATIENCE_S:
        return "embedder-busy"
    memory = "default" if way.prompt.constraints.may_store else "no-store"
    future = embedder.submit([text], domain=str(way.caller.team_id), memory=memory)
    try:
        return future.result(PATIENCE_S)
    except TimeoutError:
        future.cancel()
        return "embedder-busy"
    except EngineError as error:
        return "no-embedder" if error.retry_after_s is None else "embedder-busy"


def told(found: Match | NoMatch, *, epsilon: float, team_id: int) -> dict[str, Any]:
    """As the receipt has it; empty where nothing was near."""
    if found.verdict is None and not found.neighbours:
        return {}
    return {
        "reason": found.reason,
        "epsilon": epsilon,
        "verdict": _verdict(found.verdict),
        "neighbours": _neighbours(found.neighbours, team_id),
    }


def _verdict(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    return {
        "served": verdict.served,
        "reason": verdict.reason,
        "entry": verdict.entry_id,
        "similarity": round(verdict.similarity, 6),
        "p": round(verdict.p, 6),
        "lower": round(verdict.lower, 6),
        "score": round(verdict.score, 6),
        "features": [round(each, 6) for each in verdict.features],
    }


def _neighbours(neighbours: Sequence[Neighbour], team_id: int) -> list[dict[str, Any]]:
    return [
        {
            "entry": each.entry_id,
            "similarity": round(each.similarity, 4),
            "pinned": each.pinned,
            **_text_of(each, team_id),
        }
        for each in neighbours[:TOLD]
    ]


def _text_of(neighbour: Neighbour, team_id: int) -> dict[str, str]:
    """Another team's words stay its own, even where its answers are shared."""
    if not scopes.is_own(neighbour.scope, team_id):
        return {}
    return {"question": neighbour.question[:LONGEST_TOLD]}
