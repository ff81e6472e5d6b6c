"""`POST /v1/feedback`: what a caller says of an answer; a complaint takes it out of service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
import psycopg

from analytics import feedback
from analytics.feedback import Told, Word
from caching.judge import evidence
from caching.patterns import watching
from caching.values import Verdict
from routing import connections, inquiries, replies, stages
from routing.errors import InvalidRequest, NotFound
from routing.learning import outcomes
from routing.replies import Reply
from routing.way import Incoming, Room
from teams.values import Caller

Body = dict[str, Any]
THUMBS = {"up": 1, "down": -1}
LONGEST = 10_000
FIELDS = ("request_id", "score", "thumb", "wrong_answer", "comment", "correction")


def take(incoming: Incoming, room: Room) -> Reply:
    """The same word again changes nothing; a later one about the same answer adds to it."""
    del room
    caller = stages.authenticate(incoming)
    word = read(incoming.raw, caller)
    connection = connections.current()
    told = feedback.about(connection, word.exchange_id, caller.team_id)
    if told is None:
        raise NotFound(f"There is no request '{word.exchange_id}'.")
    with connection.transaction():
        outcomes.hold(connection, word.exchange_id)
        feedback.store(connection, word)
        outcomes.note(connection, word.exchange_id, word.team_id, parts(word))
        if word.complains and feedback.act(connection, word.exchange_id):
            complain(connection, word, told)
    body = {"object": "kora.feedback", "request_id": str(word.exchange_id), "stored": True}
    return Reply(headers={"content-type": replies.JSON}, body=orjson.dumps(body))


def complain(connection: psycopg.Connection[Any], word: Word, told: Told) -> None:
    """The stored answer is out of service when this returns; if it was served, that is evidence."""
    pattern_id = _object(told.receipt.get("pattern")).get("id")
    if told.tier == "pattern" and pattern_id is not None:
        watching.complain(pattern_id)  # the answers that it was made of are not to blame
        return
    cache = _object(told.receipt.get("cache"))
    source = UUID(str(cache["from"])) if cache.get("from") else word.exchange_id
    evidence.complain(connection, word.team_id, source, cache.get("entry"))
    verdict = _verdict(told)
    if verdict is not None:
        seen = evidence.Seen(
            team_id=word.team_id,
            question="",
            verdict=verdict,
            exchange_id=word.exchange_id,
            source="feedback",
        )
        evidence.note_complaint(connection, seen)


def _verdict(told: Told) -> Verdict | None:
    """What the judge had said when it served the answer, as the receipt keeps it."""
    said = _object(_object(told.receipt.get("meaning")).get("verdict"))
    if told.tier != "semantic" or not said:
        return None
    return Verdict(
        served=True,
        reason=str(said["reason"]),
        entry_id=said["entry"],
        similarity=said["similarity"],
        p=said["p"],
        lower=said["lower"],
        score=said["score"],
        features=tuple(said["features"]),
    )


def read(raw: bytes, caller: Caller) -> Word:
    """Checks what came; a word that says nothing is none."""
    body = _opened(raw)
    word = Word(
        exchange_id=inquiries.exchange_id(_text(body, "request_id", needed=True)),
        team_id=caller.team_id,
        key_public=caller.key_public,
        score=_score(body),
        thumb=_thumb(body),
        wrong_answer=_flag(body),
        comment=_text(body, "comment"),
        correction=_text(body, "correction"),
    )
    if all(body.get(name) is None for name in FIELDS[1:]):
        raise InvalidRequest(
            f"Say something of the answer: one of {', '.join(FIELDS[1:])}.", param="score"
        )
    return word


def parts(word: Word) -> dict[str, float]:
    """What it says of how the answer went, each from 0 to 1; what is not said is missing."""
    said = {
        "score": word.score,
        "thumb": {1: 1.0, -1: 0.0}.get(word.thumb or 0),
        "wrong_answer": 0.0 if word.wrong_answer else None,
        "correction": 0.0 if word.correction else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _opened(raw: bytes) -> Body:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    unknown = next((name for name in body if name not in FIELDS), None)
    if unknown is not None:
        raise InvalidRequest(f"'{unknown}' is not a known field.", param=unknown)
    return body


def _text(body: Body, name: str, *, needed: bool = False) -> str:
    value = body.get(name)
    if value is None and needed:
        raise InvalidRequest(f"'{name}' is missing.", param=name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise InvalidRequest(f"'{name}' must be text of at most {LONGEST} characters.", param=name)
    return value


def _score(body: Body) -> float | None:
    value = body.get("score")
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise InvalidRequest("'score' must be a number from 0 to 1.", param="score")
    return float(value)


def _thumb(body: Body) -> int | None:
    value = body.get("thumb")
    if value is None:
        return None
    if not isinstance(value, str) or value not in THUMBS:
        raise InvalidRequest('\'thumb\' must be "up" or "down".', param="thumb")
    return THUMBS[value]


def _flag(body: Body) -> bool:
    value = body.get("wrong_answer")
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest("'wrong_answer' must be true or false.", param="wrong_answer")
    return bool(value)


def _object(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}
