"""What had a part in a decision, each in one sentence, and nothing said of what had none."""

from __future__ import annotations

from typing import Any

import pytest

from analytics import decided

CASES: list[tuple[dict[str, Any], str]] = [
    ({"rules": {"held": []}}, ""),
    ({"rules": {"held": ["a", "b"], "only": ["x"]}}, "a, b (only x)"),
    ({"rules": {"held": ["a"], "constraints": {"max_cost": "0.01"}}},
     "a (constraints max cost 0.01)"),
    ({"intent": {"intent": "maths", "confidence": 0.91, "by": "examples", "complexity": 0.5}},
     "maths, 91% sure by examples; complexity 0.50"),
    ({"intent": {"intent": "", "why": "unsure"}}, "not told: several were about as likely"),
    ({"intent": {"intent": "", "why": ""}}, ""),
    ({"experiment": {"name": "x", "arm": "b", "by": "session"}}, "x, arm b, split by session"),
    ({"propensity": 1.0}, ""),
    ({"propensity": 0.04},
     "who answers was drawn; this one in 4.0% of such requests"),
    ({"propensity": 1.0, "exploring": {"mode": "apply", "why_not": "session"}},
     "nothing was tried out: a conversation stays where it is"),
    ({"cascade": {"first": "mini", "score": 0.4, "why": "No JSON.", "became": "escalated"}},
     "mini answered first, scored 0.40 (No JSON.); its answer did not hold, so a better backend "
     "was asked"),
    ({"deferred": {"for": "mini", "waited_s": 2.5, "until": "idle", "saved_usd": "0.0030"}},
     "waited 2.5 s for mini until it was free; that saved $0.003"),
    ({"sla": {"under": ["quick"]}}, "falls under quick"),
    ({"sla": {"under": ["quick", "all"], "burning": ["quick"],
              "weights": {"miss": 2.0, "deadline_s": 0.3}}},
     "falls under quick, all; burning fast: quick, so being late weighs 2.0, late is after 0.3 s"),
    ({"prediction": {"backend": "b", "p_miss": 0.123, "until_ms": 5001.5}},
     "b late with a chance of 12.3%, which is after 5001.5 ms"),
    ({"prediction": {"backend": "b", "p_miss": None}}, ""),
    ({"hedge": {"won": True, "beside": "a", "second": "b", "p_late": 0.5, "after_ms": 1644.8}},
     "b was asked beside a after 1645 ms without a word, when that was late with a chance of 50%; "
     "b answered"),
    ({"hedge": {"beside": "a", "second": "b", "p_late": 0.5, "after_ms": 20.0}},
     "b was asked beside a after 20 ms without a word, when that was late with a chance of 50%"),
    ({"hedge": {}}, ""),
    ({"session": {"backend": "big", "tokens": 900, "in_loop": True}},
     "the conversation was with big, about 900 tokens warm there; its tool calls were still being "
     "answered"),
    ({"pressure": {"budget": "red", "percent": 80.0, "used": 85.2, "action": "prefer-local"}},
     "85 % of red is used; from 80 % on models of our own come first"),
    ({"pressure": {"budget": "red", "percent": 80, "used": 85, "action": "cheaper",
                   "changes": "nothing"}},
     "85 % of red is used; from 80 % on what is cheap enough is taken, as `auto:cheap` takes it; "
     "nothing changed: the caller named the model"),
    ({"pressure": {"budget": "red", "percent": 80, "used": 85, "action": "alert", "shadow": True}},
     "85 % of red is used; from 80 % on somebody is told; the budget only watches"),
    ({"pacing": {"lambda": 2.314, "planned": 9.8, "spent": 12.3}},
     "a dollar weighed 2.31 times as much: $12.30 spent, $9.80 planned by then"),
    ({"pacing": {"lambda": 1.0, "planned": 9.8, "spent": 2.3}},
     "$2.30 spent, $9.80 planned by then"),
    ({"learned": 7}, "version 7"),
    ({"rules": "of an older kind", "intent": None}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("receipt", "words"), CASES)
def test_each_matter_is_one_sentence(receipt: dict[str, Any], words: str) -> None:
    assert [each.words for each in decided.matters(receipt)] == ([words] if words else [])
