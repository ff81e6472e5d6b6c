"""A month at half as much demand again as there is money: paced beside the cliff, in virtual time.

No clock, network or database: KORA's own choice and pacing, and a book of one window. What is paced
knows nothing of the month beforehand; it learns what is usual as the month goes on. Beside it
stands the best that one price of a dollar could have done, had it been known in advance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.faults import months
from benchmarks.faults.bench import Given
from benchmarks.faults.months import SHAPES, Month, Request
from benchmarks.overhead import Bar
from routing.policy import terms
from routing.policy.terms import Aim

REQUESTS, SEEDS = 3_000, 3
DEMAND = 1.5
"""What the month would cost without a budget, in budgets."""
USD = (5.0, 0.1, 50.0)
"""What a dollar weighs before pacing: for a team that pays for quality; as in `auto:best`; as in
`auto`."""
OFF = 0.02
HALVINGS = 7
Found = dict[str, Any]


def measure(given: Given) -> Found:
    rows = [
        row(shape, usd=usd, seed=given.seed + seed, requests=REQUESTS)
        for usd in USD
        for shape in SHAPES
        for seed in range(SEEDS if usd == USD[0] else 1)
    ]
    return {"demand": DEMAND, "requests": REQUESTS, "rows": rows}


def row(shape: str, *, usd: float, seed: int, requests: int) -> Found:
    aim, came = aims(usd), months.demand(SHAPES[shape], requests=requests, seed=seed)
    limit = months.free(came, aim).spent / DEMAND
    return {
        "shape": shape,
        "usd": usd,
        "seed": seed,
        "requests": len(came),
        "limit_usd": limit,
        "cliff": _told(months.unpaced(came, aim, limit), limit),
        "paced": _told(months.paced(came, aim, limit), limit),
        "known": _told(known(came, aim, limit), limit),
    }


def aims(usd: float) -> Aim:
    plain = terms.DEFAULT.aim("auto")
    return replace(plain, weights=replace(plain.weights, usd=usd))


def known(came: Sequence[Request], aim: Aim, limit: float) -> Month:
    """With the one price of a dollar at which the month just costs what there is."""
    low, high = 1.0, 1000.0
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        dear = months.free(came, aim, middle).spent > limit
        low, high = (middle, high) if dear else (low, middle)
    return months.free(came, aim, high)


def _told(month: Month, limit: float) -> Found:
    weights = sorted(month.weights) or [1.0]
    return {
        "spent": month.spent / limit,
        "refused": month.share_refused,
        "of_answered": month.of_answered,
        "of_all": month.of_all,
        "first_refused": month.first_refused and month.first_refused.isoformat(),
        "lambda_p50": weights[len(weights) // 2],
        "lambda_p95": weights[int(len(weights) * 0.95)],
    }


def table(found: Found) -> str:
    head = f"{'':<21} {'$':>5} {'seed':>4}  "
    head += "  ".join(f"{name:^29}" for name in ("cliff", "paced", "price known before"))
    names = "  ".join(f"{'spent':>7} {'refused':>7} {'ans.':>6} {'all':>6}" for _ in range(3))
    lines = [
        f"{each['shape']:<21} {each['usd']:>5g} {each['seed']:>4}  "
        + "  ".join(_cells(each[name]) for name in ("cliff", "paced", "known"))
        for each in found["rows"]
    ]
    legend = (
        f"Demand is {found['demand']:.0%} of the limit; spent is of the limit at the end of the "
        "month; mean quality is that of answers, and of all with a refusal as 0."
    )
    return "\n".join((head, f"{'':<34}{names}", "-" * len(head), *lines, "", legend))


def _cells(told: Found) -> str:
    return (
        f"{told['spent']:>7.2%} {told['refused']:>7.2%} {told['of_answered']:>6.4f} "
        f"{told['of_all']:>6.4f}"
    )


def bars(found: Found) -> list[Bar]:
    rows = found["rows"]
    off = max(abs(each["paced"]["spent"] - 1) for each in rows)
    over = max(each["paced"]["spent"] for each in rows)
    refused = max(each["paced"]["refused"] - each["cliff"]["refused"] for each in rows)
    better = min(each["paced"]["of_all"] - each["cliff"]["of_all"] for each in rows)
    short = max(each["known"]["of_all"] - each["paced"]["of_all"] for each in rows)
    return [
        Bar(text="paced month, farthest from its limit at the end", value=off, bound=OFF,
            at_most=True),
        Bar(text="paced month, most spent of its limit", value=over, bound=1.0, at_most=True),
        Bar(text="paced less cliff, share refused, worst month", value=refused, bound=0.0,
            at_most=True),
        Bar(text="paced less cliff, mean quality of all requests, worst month", value=better,
            bound=0.0, at_most=False),
        Bar(text="quality that one price, known before, would have added", value=short, bound=0.02,
            at_most=True),
    ]  # fmt: skip
