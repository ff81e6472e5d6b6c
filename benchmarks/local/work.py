"""What is asked of every engine alike, and what came of it; the standard library alone, because a
peer's Python runs this too."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

LETTERS = string.ascii_lowercase + " "
LONG_WRITES = 4


@dataclass(frozen=True, kw_only=True)
class Work:
    """So many lanes, each asking so often, one after the other; a letter is a token."""

    lanes: int
    each: int
    prompt: int
    write: int
    shared: int = 0
    """Letters before each prompt that are the same in all."""
    neighbour: int = 0
    """Letters of the prompts that one lane more sends all the while; it is not measured."""
    seed: str = ""

    def words(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Work:
        return cls(**json.loads(line))

    def text(self, who: str) -> str:
        """No two runs share a beginning, so what an engine remembers of one helps no other."""
        return _letters(f"{self.seed} all", self.shared) + _letters(
            f"{self.seed} {who}", self.prompt
        )

    def long_text(self, number: int) -> str:
        return _letters(f"{self.seed} neighbour {number}", self.neighbour)


def _letters(seed: str, count: int) -> str:
    return "".join(random.Random(seed).choices(LETTERS, k=count))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer: seconds to its first text and to its end, and the tokens written."""

    first_s: float
    took_s: float
    written: int


def figures(
    work: Work, answers: Sequence[Answer], troubles: Counter[str], wall_s: float
) -> dict[str, Any]:
    tokens = sum(answer.written for answer in answers)
    firsts = [answer.first_s for answer in answers]
    short = sum(answer.written != work.write for answer in answers)
    return {
        "answers": len(answers),
        "tokens": tokens,
        "wall_s": wall_s,
        "tokens_s": tokens / wall_s if wall_s else 0.0,
        "first_p50_ms": percentile_ms(firsts, 0.5),
        "first_p95_ms": percentile_ms(firsts, 0.95),
        "took_p50_ms": percentile_ms([answer.took_s for answer in answers], 0.5),
        "errors": dict(troubles + Counter({"another length": short})),
    }


def percentile_ms(seconds: Sequence[float], share: float) -> float | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)
