"""A templated workload: calls that filled templates avoid, how exact they are, and what is refused.

What mines, decides and serves is KORA's own, without a database, a model or a clock: each request
is a second, and proposals that meet the bound begin by themselves.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from benchmarks.cache import families
from benchmarks.cache.families import FAMILIES, Family
from caching.patterns import bounds, lifecycle, proposing, serving, shells
from caching.patterns.lifecycle import Life
from caching.patterns.serving import Standing, Withheld
from caching.patterns.traffic import Demands, Occurrence, Proposal
from caching.values import Asked, Match

REQUESTS = 12_000
MINED_EVERY = 500
REPEATED = 0.15
"""How many requests are word for word one of the last thousand: the exact tier's, not ours."""
RECENT = 1_000
WINDOW = 5_000
TEAM = 1
EPSILON = 0.02


@dataclass(kw_only=True)
class Kept:
    """A pattern in memory, as its row would be."""

    pk: int
    name: str
    action: str
    surroundings: str
    recipe: Any
    low: float
    state: str = lifecycle.PROPOSED
    share: float = 0.0
    team_id: int = TEAM
    scope: str = f"t:{TEAM}"
    samples: Any = ()
    changed_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    rights: int = 0
    wrongs: int = 0
    newest: deque[bool] = field(default_factory=lambda: deque(maxlen=max(lifecycle.DRIFT_LOOKS)))


@dataclass(kw_only=True)
class Inbox:
    """Proposals and their lives, as the background worker would keep them."""

    epsilon: float
    kept: dict[str, Kept] = field(default_factory=dict)
    rolled_back: int = 0

    def take(self, proposal: Proposal) -> None:
        known = self.kept.get(proposal.key)
        again = {lifecycle.PROPOSED, lifecycle.ROLLED_BACK}
        if known is not None and known.state not in again:
            return
        if known is not None and known.recipe["answer"] == proposal.recipe["answer"]:
            return
        self.kept[proposal.key] = Kept(
            pk=known.pk if known else len(self.kept) + 1,
            name=proposal.name,
            action=proposal.action,
            surroundings=proposal.surroundings,
            recipe=json.loads(json.dumps(proposal.recipe)),
            low=proposal.evidence["held_out"]["low"],
        )

    def see(self, pattern_id: int, right: bool) -> None:
        """One live comparison."""
        known = next(each for each in self.kept.values() if each.pk == pattern_id)
        known.rights, known.wrongs = known.rights + right, known.wrongs + (not right)
        known.newest.appendleft(right)

    def move(self) -> None:
        for each in self.kept.values():
            due = lifecycle.due(
                Life(
                    state=each.state,
                    action=each.action,
                    rights=each.rights,
                    wrongs=each.wrongs,
                    newest=list(each.newest),
                    low=each.low,
                    epsilon=self.epsilon,
                    automatic=True,
                )
            )
            if due is not None:
                each.state, each.share = due.to, due.share
                self.rolled_back += due.to == lifecycle.ROLLED_BACK

    def standing(self) -> list[Standing]:
        acting = [each for each in self.kept.values() if each.state in lifecycle.STANDING]
        return [serving.read(each) for each in acting]


@dataclass(frozen=True, kw_only=True)
class Request:
    family: Family
    asked: str
    told: str


def traffic(requests: int, *, seed: int) -> Iterator[Request]:
    """All families alike; halfway one of them begins to answer otherwise."""
    chance = random.Random(seed)
    recent: deque[Request] = deque(maxlen=RECENT)
    for number in range(requests):
        if recent and chance.random() < REPEATED:
            yield chance.choice(recent)
            continue
        family = chance.choice(FAMILIES)
        pair = families.nuisance(chance, family.ask(chance, number >= requests // 2))
        made = Request(family=family, asked=pair[0], told=pair[1])
        recent.append(made)
        yield made


def occurrence(request: Request, number: int) -> Occurrence:
    taken = _shell(request.asked)
    return Occurrence(
        entry_id=number, shell=taken.shell, turn=taken.turn, question="", surroundings="",
        answer=request.told, answer_class=b"", backend="toy", exchange_id=UUID(int=number),
        at_s=float(number), cost=0.001, latency_ms=1_000.0,
    )  # fmt: skip


def _shell(asked: str) -> shells.Shell:
    body = {"model": "auto", "messages": [{"role": "user", "content": asked}]}
    return shells.read(body, form="chat", wanted=("any", None))


def measure(
    requests: int = REQUESTS, *, seed: int = 1, epsilon: float = EPSILON
) -> list[dict[str, Any]]:
    """One row for each family and one for all of them."""
    inbox, stored, seen = Inbox(epsilon=epsilon), dict[str, Occurrence](), list[dict[str, Any]]()
    draw, known = random.Random(seed + 1), list[Standing]()
    for number, request in enumerate(traffic(requests, seed=seed)):
        if number % MINED_EVERY == 0 and number:
            for each in proposing.propose(
                list(stored.values())[-WINDOW:], Demands(epsilon=epsilon)
            ):
                if each.action == "fill":
                    inbox.take(each)
        if request.asked in stored:
            seen.append({"request": request, "by": "exact", "number": number})
            continue
        by = _one(inbox, known, request, draw.random())
        seen.append({"request": request, "by": by, "number": number})
        if by == "model":
            stored[request.asked] = occurrence(request, number)
        inbox.move()
        known = inbox.standing()
    rows = [_row(family.name, family.made, _of(seen, family)) for family in FAMILIES]
    return [*rows, {**_row("all", None, seen), "rolled_back": inbox.rolled_back}]


def _one(inbox: Inbox, known: list[Standing], request: Request, draw: float) -> str:
    """Who answers: `right` and `wrong` are a pattern's."""
    taken = _shell(request.asked)
    asked = Asked(team_id=TEAM, fingerprint="", shell=taken.shell, turn=taken.turn)
    found = serving.match(asked, known, draw=draw, may_answer=True)
    if isinstance(found, Withheld):
        inbox.see(found.pattern_id, found.said == request.told)
    if not isinstance(found, Match):
        return "model"
    said = json.loads(found.answer)["choices"][0]["message"]["content"]
    return "right" if said == request.told else "wrong"


def _of(seen: list[dict[str, Any]], family: Family) -> list[dict[str, Any]]:
    return [each for each in seen if each["request"].family is family]


def _row(name: str, made: bool | None, seen: list[dict[str, Any]]) -> dict[str, Any]:
    counted = Counter(each["by"] for each in seen)
    filled = counted["right"] + counted["wrong"]
    low, high = bounds.interval(counted["right"], filled) if filled else (0.0, 1.0)
    learned = _after_learning(seen)
    return {
        "family": name,
        "made_of_slots": made,
        "requests": len(seen),
        "exact": counted["exact"],
        "model": counted["model"],
        "filled": filled,
        "wrong": counted["wrong"],
        "exactness": counted["right"] / filled if filled else None,
        "exactness_low": low,
        "exactness_high": high,
        "avoided_after_learning": learned,
    }


def _after_learning(seen: list[dict[str, Any]]) -> float | None:
    """Of what the exact tier could not answer, how much was filled since the first filled one."""
    asked = [each["by"] for each in seen if each["by"] != "exact"]
    first = next((number for number, by in enumerate(asked) if by in {"right", "wrong"}), None)
    if first is None:
        return None
    return sum(by in {"right", "wrong"} for by in asked[first:]) / len(asked[first:])


def table(rows: list[dict[str, Any]]) -> str:
    head = f"{'family':<26} {'asked':>6} {'exact':>6} {'model':>6} {'filled':>7} {'wrong':>6}"
    head += f" {'exactness (95 %)':>22} {'avoided':>8}"
    return "\n".join([head, "-" * len(head), *map(_line, rows)])


def _line(row: dict[str, Any]) -> str:
    numbers = f"{row['requests']:>6} {row['exact']:>6} {row['model']:>6} {row['filled']:>7}"
    spread = "refused" if row["made_of_slots"] is False else "nothing filled"
    if row["filled"]:
        ends = f"[{row['exactness_low']:.4f}, {row['exactness_high']:.4f}]"
        spread = f"{row['exactness']:.4f} {ends}"
    avoided = row["avoided_after_learning"]
    share = "" if avoided is None else f"{avoided:.1%}"
    return f"{row['family']:<26} {numbers} {row['wrong']:>6} {spread:>22} {share:>8}"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cache.templated", description=__doc__
    )
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="the rows instead of the table")
    given = parser.parse_args(words)
    rows = measure(given.requests, seed=given.seed)
    print(json.dumps(rows, indent=1) if given.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
