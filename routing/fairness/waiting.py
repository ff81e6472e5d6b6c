"""Where calls wait for a worker, and the commands that put them there and take them in turn."""

from __future__ import annotations

from typing import Any

from routing.fairness import scripts
from routing.fairness.turns import LEVELS, Turn

Command = tuple[Any, ...]


def mouth(queue: str) -> str:
    """The list at which workers wait: the next few calls, whoever they are of."""
    return f"kora:calls:{queue}"


def turns(queue: str) -> str:
    return f"kora:turns:{queue}"


def place(queue: str, turn: Turn) -> str:
    """The list in which a call waits before it is moved on to the mouth."""
    return f"{mouth(queue)}:{_flow(turn)}"


def put(queue: str, turn: Turn, call: bytes) -> Command:
    keys = (mouth(queue), turns(queue))
    return ("EVAL", scripts.PUT, 2, *keys, _level(turn), _flow(turn), call)


def take(queue: str, count: int) -> Command:
    return ("EVAL", scripts.TAKE, 2, mouth(queue), turns(queue), count)


def lengths(client: Any, queue: str) -> int:
    """How many calls wait in all, asked of a synchronous client."""
    lists = [mouth(queue)]
    for level in LEVELS:
        flows = client.zrange(f"{turns(queue)}:{level}", 0, -1)
        lists += [f"{mouth(queue)}:{flow.decode()}" for flow in flows]
    return sum(int(client.llen(name)) for name in lists)


def _level(turn: Turn) -> str:
    return turn.priority if turn.priority in LEVELS else "normal"


def _flow(turn: Turn) -> str:
    return f"{_level(turn)}:{max(1, turn.share)}:{turn.team}"
