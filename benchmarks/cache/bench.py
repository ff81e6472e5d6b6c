"""Answers by meaning: how many, how many wrong, beside other rules; patterns; finding and stage."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import suite
from benchmarks.cache import adversarial, drift, index, intents, pairs, stage, templated, vectors
from benchmarks.cache.replay import Asked, Replay, Rule, Tally
from benchmarks.cache.rules import Judge, OverAll, Threshold
from benchmarks.cache.vectors import Vectors
from benchmarks.overhead import Bar
from caching.faces import precision
from caching.judge import judging
from caching.judge.minds import UNTAUGHT, Mind
from caching.values import Neighbour, Terms, Verdict
from inference.embeddings import minilm
from inference.store.models import Store

EPSILONS = (0.01, 0.02, 0.05)
THRESHOLDS = (
    0.86,
    0.88,
    0.9,
    0.92,
    0.94,
    0.95,
    0.96,
    0.97,
    0.975,
    0.98,
    0.985,
    0.99,
    0.9925,
    0.995,
)
DRAWS = 3
"""Which hits are asked again is left to chance; rows of rules that do so are means over draws."""
ENOUGH_HITS = 1_000
"""Before so many an interval is wide whatever the rule."""
ABSENT = "not measured: the evaluation data is not here (KORA_BENCH_DATA)"
Found = dict[str, Any]


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cache", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--requests", type=int, default=10_000, help="of the intents' traffic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--entries", type=int, nargs="+", default=list(index.SIZES), help="of `index`"
    )
    parser.add_argument(
        "--only-shipped", action="store_true", help="`index` without the ways it is compared with"
    )
    parser.add_argument("--stage-entries", type=int, default=stage.ENTRIES, help="of `stage`")
    return parser.parse_args(given)


def interval(wrong: int, hits: int) -> tuple[float, float]:
    """Wilson's, at 95 %."""
    return precision.wilson(wrong / hits, hits) if hits else (0.0, 1.0)


def row(name: str, tally: Tally) -> Found:
    low, high = interval(tally.wrong, tally.hits)
    return {
        "rule": name,
        "asked": tally.asked,
        "exact": tally.exact,
        "hits": tally.hits,
        "wrong": tally.wrong,
        "error": tally.error,
        "error_low": low,
        "error_high": high,
        "shadows": tally.shadows,
    }


def table(rows: Sequence[Found]) -> str:
    head = f"{'rule':<34} {'asked':>7} {'exact':>6} {'hits':>6} {'wrong':>6} {'error (95 %)':>24}"
    head += f" {'asked again':>11}"
    lines = [
        f"{each['rule']:<34} {each['asked']:>7} {each['exact']:>6} {each['hits']:>6} "
        f"{each['wrong']:>6} {each['error']:>8.2%} "
        f"[{each['error_low']:>6.2%}, {each['error_high']:>6.2%}] {each['shadows']:>10}"
        for each in rows
    ]
    return "\n".join((head, "-" * len(head), *lines))


def replayed(
    rule: Rule, texts: Sequence[str], made: Vectors, stream: Sequence[Asked], *, seed: int
) -> Tally:
    replay = Replay(rule, texts, made, seed=seed)
    for asked in stream:
        replay.ask(asked)
    return replay.tally


def best_static(rows: Sequence[Found], epsilon: float) -> Found | None:
    """In hindsight: the threshold with the most hits among those whose error kept the bound."""
    kept = [each for each in rows if each["hits"] and each["error"] <= epsilon]
    return max(kept, key=lambda each: int(each["hits"]), default=None)


def chosen(
    tuned: Sequence[Found], reported: Sequence[Found], epsilon: float
) -> tuple[Found, Found] | None:
    """As an operator could: the best threshold of the tuning half, and what it then did."""
    best = best_static(tuned, epsilon)
    then = {each["rule"]: each for each in reported}
    return (best, then[best["rule"]]) if best else None


def mean(tallies: Sequence[Tally]) -> Tally:
    """Of draws over the same questions, so that their interval is that of one."""

    def middle(name: str) -> int:
        return int(sum(getattr(each, name) for each in tallies) / len(tallies) + 0.5)

    return Tally(
        asked=middle("asked"),
        exact=middle("exact"),
        hits=middle("hits"),
        wrong=middle("wrong"),
        shadows=middle("shadows"),
    )


def on_pairs(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    data = pairs.read()
    if data is None:
        print(ABSENT)
        return {}
    known = made(data.texts)
    run = _runner(data.texts, known, given.seed)
    tuned, statics = (
        [row(f"cosine >= {least}", run(Threshold(least), half)) for least in THRESHOLDS]
        for half in (data.tuning, data.reporting)
    )
    guarded = [
        row(f"guards, cosine >= {least}", run(Threshold(least, guarded=True), data.reporting))
        for least in THRESHOLDS
    ]
    ours, crossed, theirs = [], [], []
    for epsilon in EPSILONS:
        mine, other, exchanged = [], [], []
        for draw in range(DRAWS):
            suite.say(f"pairs, epsilon {epsilon:.0%}, draw {draw + 1} of {DRAWS}")
            again = _runner(data.texts, known, given.seed + draw)
            judge, over_all = Judge(epsilon), OverAll(epsilon, seed=given.seed + draw)
            mine.append(_taught(again, judge, data.tuning, data.reporting))
            other.append(_taught(again, over_all, data.tuning, data.reporting))
            exchanged.append(_taught(again, Judge(epsilon), data.reporting, data.tuning))
        ours.append(row(f"KORA, epsilon {epsilon:.0%}", mean(mine)))
        theirs.append(row(f"vCache's rule, delta {epsilon:.0%}", mean(other)))
        crossed.append(row(f"KORA, epsilon {epsilon:.0%}, exchanged", mean(exchanged)))
    print(table([*statics, *guarded, *theirs, *ours, *crossed]))
    picked = {f"{at:.0%}": chosen(tuned, statics, at) for at in EPSILONS}
    print("\n".join(_choice(at, found) for at, found in picked.items()))
    return {
        "static": statics,
        "static_tuning": tuned,
        "static_chosen": picked,
        "guarded": guarded,
        "over_all": theirs,
        "judge": ours,
        "exchanged": crossed,
        "bars": [
            bar
            for at, mine in zip(EPSILONS, ours, strict=True)
            for bar in _pair_bars(at, mine, statics)
        ],
    }


def _taught(
    run: Callable[[Rule, Sequence[Asked]], Tally],
    rule: Rule,
    before: Sequence[Asked],
    after: Sequence[Asked],
) -> Tally:
    """What it does after one half has taught it."""
    run(rule, before)
    return run(rule, after)


def _choice(epsilon: str, found: tuple[Found, Found] | None) -> str:
    if found is None:
        return f"at {epsilon} no threshold kept the bound on the tuning half"
    before, then = found
    return (
        f"at {epsilon} the tuning half chooses {before['rule']} ({before['error']:.2%} wrong): "
        f"{then['hits']} hits on the reporting half, {then['error']:.2%} wrong"
    )


def _pair_bars(epsilon: float, mine: Found, statics: Sequence[Found]) -> Iterator[Bar]:
    best = best_static(statics, epsilon)
    yield Bar(text=f"pairs: error among hits at epsilon {epsilon:.0%}",
              value=round(mine["error"], 4), bound=epsilon, at_most=True)  # fmt: skip
    high = round(mine["error_high"], 4) if mine["hits"] >= ENOUGH_HITS else None
    yield Bar(text=f"pairs: upper end of its interval ({mine['hits']} hits)", value=high,
              bound=round(1.5 * epsilon, 4), at_most=True)  # fmt: skip
    ratio = round(mine["hits"] / best["hits"], 3) if best else None
    yield Bar(text=f"pairs: hits, of the best static threshold's that keeps {epsilon:.0%}",
              value=ratio, bound=1.5, at_most=False)  # fmt: skip


def _runner(
    texts: Sequence[str], made: Vectors, seed: int
) -> Callable[[Rule, Sequence[Asked]], Tally]:
    return lambda rule, stream: replayed(rule, texts, made, stream, seed=seed)


def on_intents(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    data = intents.read(given.requests, seed=given.seed)
    if data is None:
        print(ABSENT)
        return {}
    run = _runner(data.texts, made(data.texts), given.seed)
    statics = [
        row(f"cosine >= {least}", run(Threshold(least), data.stream)) for least in THRESHOLDS
    ]
    theirs = row("vCache's rule, delta 2%", run(OverAll(0.02, seed=given.seed), data.stream))
    tallies = {epsilon: run(Judge(epsilon), data.stream) for epsilon in EPSILONS}
    ours = [row(f"KORA, epsilon {at:.0%}", tally) for at, tally in tallies.items()]
    print(table([*statics, theirs, *ours]))
    shown = _over_time(tallies[0.02], given.requests)
    print("\nKORA at 2 %, over time:\n" + "\n".join(_point(each) for each in shown))
    mine = ours[EPSILONS.index(0.02)]
    share = (mine["exact"] + mine["hits"]) / mine["asked"]
    return {
        "static": statics,
        "over_all": theirs,
        "judge": ours,
        "over_time": shown,
        "bars": [
            Bar(text="intents: answered without a model at epsilon 2%", value=round(share, 3),
                bound=0.6, at_most=False),
            Bar(text="intents: error among hits at epsilon 2%", value=round(mine["error"], 4),
                bound=0.02, at_most=True),
        ],
    }  # fmt: skip


def _over_time(tally: Tally, requests: int) -> list[Found]:
    step = max(1, requests // 10)
    shown = []
    for end in range(step, requests + 1, step):
        inside = [right for at, right in tally.trail if end - step < at <= end]
        shown.append(
            {"until": end, "hits": len(inside), "wrong": len(inside) - sum(inside), "of": step}
        )
    return shown


def _point(each: Found) -> str:
    return (
        f"  until {each['until']:>6}: {each['hits'] / each['of']:>6.1%} served by meaning, "
        f"{each['wrong']} wrong"
    )


def on_adversarial(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    """Each pair with an empty cache around it, by a judge that knows nothing and by one that has
    learned from the intents' traffic, which serves most freely."""
    written = adversarial.pairs()
    texts = sorted({text for pair in written for text in (pair.a, pair.b)})
    known = dict(zip(texts, made(texts), strict=True))
    minds: dict[str, Mind] = {"untaught": UNTAUGHT}
    data = intents.read(given.requests, seed=given.seed)
    if data is not None:
        judge = Judge(0.02)
        replayed(judge, data.texts, made(data.texts), data.stream, seed=given.seed)
        minds["taught by the intents"] = judge.mind
    rows = [_against(name, mind, written, known) for name, mind in minds.items()]
    for each in rows:
        print(f"{each['judge']:<24} {each['wrongly']:>4} of {each['different']} different served; "
              f"{each['rightly']} of {each['same']} same served; {each['kinds']}")  # fmt: skip
    return {
        "rows": rows,
        "bars": [
            Bar(text=f"adversarial pairs served wrongly, {each['judge']}",
                value=round(each["wrongly"] / each["different"], 4), bound=0.01, at_most=True)
            for each in rows
        ],
    }  # fmt: skip


def _against(
    name: str, mind: Mind, written: Sequence[adversarial.Pair], known: dict[str, Any]
) -> Found:
    wrongly: list[str] = []
    rightly = 0
    for pair in written:
        near = Neighbour(
            entry_id=1, similarity=float(known[pair.a] @ known[pair.b]), question=pair.a,
            answer_class=b"a", rights=0.0, wrongs=0.0, age_s=0.0,
        )  # fmt: skip
        verdict = judging.judge(pair.b, [near], mind, Terms(epsilon=0.02))
        if isinstance(verdict, Verdict) and verdict.served:
            rightly += pair.same
            wrongly += [] if pair.same else [pair.kind]
    different = sum(not pair.same for pair in written)
    return {
        "judge": name,
        "different": different,
        "same": len(written) - different,
        "wrongly": len(wrongly),
        "rightly": rightly,
        "kinds": ", ".join(sorted(set(wrongly))) or "none",
    }


def on_drift(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    data = intents.read(1, seed=given.seed)
    if data is None:
        print(ABSENT)
        return {}
    known = made(data.texts)
    rules: dict[str, Rule] = {
        "cosine >= 0.9": Threshold(0.9),
        "vCache's rule, delta 2%": OverAll(0.02, seed=given.seed),
        "KORA, epsilon 2%": Judge(0.02),
        "KORA, epsilon 5%": Judge(0.05),
    }
    rows = []
    for name, rule in rules.items():
        found = drift.measure(rule, data, known, seed=given.seed)
        rows.append({"rule": name, **asdict(found)})
        print(f"{name:<26} before {found.before:>5} served, {found.before_wrong:>3} wrong; after "
              f"{found.after:>5} served, {found.after_wrong:>4} wrong: {found.until_quiet:.1f} an "
              f"intent, at most {found.worst}; {found.shadows} asked again")  # fmt: skip
    return {"rows": rows}


def on_templates(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    del made
    rows = templated.measure(seed=given.seed)
    print(templated.table(rows))
    return {"rows": rows}


def on_index(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    del made
    rows = index.measure(given.entries, only_shipped=given.only_shipped)
    print(index.table(rows))
    return {"rows": [asdict(each) for each in rows], "bars": index.bars(rows)}


def on_stage(given: argparse.Namespace, made: Callable[[Sequence[str]], Vectors]) -> Found:
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=False)
        found = stage.measure(folder, given.stage_entries, stage.QUESTIONS, made)
    print(stage.table(found))
    return {**found, "bars": stage.bars(found)}


Part = Callable[[argparse.Namespace, Callable[[Sequence[str]], Vectors]], Found]
PARTS: dict[str, Part] = {
    "pairs": on_pairs,
    "intents": on_intents,
    "adversarial": on_adversarial,
    "drift": on_drift,
    "templates": on_templates,
    "index": on_index,
    "stage": on_stage,
}


def main(words: list[str]) -> int:
    given = arguments(words)
    home = Path(os.environ.get("KORA_HOME", "var"))
    with contextlib.ExitStack() as stack:
        models = suite.folder(stack, keep=False) / "models"
        minilm.place(Store(models))

        def made(texts: Sequence[str]) -> Vectors:
            return vectors.of(texts, models=models, kept=home / "bench" / "vectors")

        found: dict[str, Found] = {}
        for part in given.parts:
            print(f"\n{part}\n")
            found[part] = PARTS[part](given, made)
    bars = [bar for each in found.values() for bar in each.pop("bars", [])]
    print("\n" + "\n".join(map(str, bars)))
    kept = [{**asdict(bar), "verdict": bar.verdict} for bar in bars]
    written = suite.save("cache", {"seed": given.seed, "parts": found, "bars": kept})
    print(f"\nWritten to {written}")
    return 0
