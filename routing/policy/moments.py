"""What a receipt keeps of a choice so that it can be made again: the request's demands, and how
each backend was at that moment (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from routing import bends, loads, paces
from routing.bends import Bend
from routing.learning.values import Estimate, Forecast, Outlook
from routing.loads import Load
from routing.paces import Pace, Spread
from routing.policy import calibration
from routing.policy.calibration import Line
from routing.policy.values import Backend, Decision, NoWay, Wants
from routing.questions import Constraints, Prompt

Said = Mapping[str, Any]
LIMITS = ("max_latency_ms", "min_quality", "max_age_s", "similarity")


def asked(prompt: Prompt, given: Constraints, wants: Wants | None) -> dict[str, Any]:
    """`given` is what the caller demanded, before rules asked for more."""
    told: dict[str, Any] = {
        "form": prompt.form,
        "max_tokens": prompt.max_tokens,
        "choices": prompt.choices,
        "inputs": prompt.inputs,
        "constraints": _constraints(given),
    }
    if wants is not None:
        told["allowed"] = sorted(wants.allowed)
        told["left_s"] = None if wants.left_s is None else _short(wants.left_s)
    return {name: value for name, value in told.items() if value}


def constraints(said: Said) -> Constraints:
    """As they were given; who asked and when stands in the columns."""
    limits = {name: said[name] for name in LIMITS if name in said}
    most = Decimal(str(said["max_cost"])) if "max_cost" in said else None
    return Constraints(
        max_cost=most,
        locality=said.get("locality", "any"),
        cache=said.get("cache", "default"),
        **limits,
    )


def _constraints(given: Constraints) -> dict[str, Any]:
    told = {name: getattr(given, name) for name in LIMITS}
    told["max_cost"] = None if given.max_cost is None else f"{given.max_cost:f}"
    told["locality"] = given.locality if given.locality != "any" else None
    told["cache"] = given.cache if given.cache != "default" else None
    return {name: value for name, value in told.items() if value is not None}


def told(decision: Decision | NoWay, outlook: Outlook) -> dict[str, Any]:
    """By backend, what was out of the ordinary about it; and how long answers were expected."""
    found = {c.backend.name: _state(c.backend, outlook) for c in decision.candidates}
    usual = {"": {"output": _forecast(outlook.output)}} if outlook.output else {}
    return {**usual, **{name: state for name, state in found.items() if state}}


def taken(backend: Backend, said: Said) -> Backend:
    """As it was at that moment; what nobody noted was as it is when nothing is known."""
    load = said.get("load")
    pace = said.get("pace")
    return replace(
        backend,
        failing=bool(said.get("failing")),
        in_flight=int(said.get("in_flight", 0)),
        first_token_s=said.get("first_token_s"),
        load=Load(**load) if load else loads.UNKNOWN,
        pace=_pace(pace) if pace else paces.UNSEEN,
        lateness=_line(said.get("lateness")),
    )


def outlook(candidates: Mapping[str, Said], moment: Mapping[str, Said], version: int) -> Outlook:
    """What was expected then, of those that were weighed."""
    outputs = {
        name: Forecast(tokens=said["output"][0], high=said["output"][1])
        for name, said in moment.items()
        if "output" in said
    }
    estimates = {
        name: Estimate(
            quality=said["quality"],
            deviation=said.get("deviation", 0.25),
            seen=said.get("seen", 0.0),
        )
        for name, said in candidates.items()
        if "quality" in said
    }
    output = outputs.get("")
    return Outlook(estimates=estimates, output=output, outputs=outputs, version=version)


def _state(backend: Backend, outlook: Outlook) -> dict[str, Any]:
    own = outlook.outputs.get(backend.name)
    first_s = backend.first_token_s
    state = {
        "failing": backend.failing,
        "in_flight": backend.in_flight,
        "first_token_s": None if first_s is None else _short(first_s),
        "pace": None if backend.pace == paces.UNSEEN else _figures(backend.pace),
        "lateness": _right(backend.lateness),
        "load": None if backend.load == loads.UNKNOWN else _load(backend.load),
        "output": _forecast(own) if own and own != outlook.output else None,
    }
    return {name: value for name, value in state.items() if value}


def _load(load: Load) -> dict[str, Any]:
    figures = {name: getattr(load, name) for name in load.__slots__}
    return {k: _short(v) if isinstance(v, float) else v for k, v in figures.items()}


def _figures(pace: Pace) -> list[float]:
    first, tps = pace.first_s, pace.tps
    every = (first.mean, first.variance, first.seen, tps.mean, tps.variance, tps.seen)
    bent = [] if pace.first_bend == pace.tps_bend == bends.STRAIGHT else _bends(pace)
    return [_short(value) for value in (*every, *bent)]


def _bends(pace: Pace) -> list[float]:
    first, tps = pace.first_bend, pace.tps_bend
    begins = [first.crowd, first.read, first.at_crowd, first.at_read]
    return [*begins, tps.crowd, tps.read, tps.at_crowd, tps.at_read]


def _pace(said: list[float]) -> Pace:
    """Older receipts say nothing of how it bends."""
    mean, variance, seen, tps_mean, tps_variance, tps_seen, *bent = said
    return Pace(
        first_s=Spread(mean=mean, variance=variance, seen=seen),
        tps=Spread(mean=tps_mean, variance=tps_variance, seen=tps_seen),
        first_bend=_bend(bent[:4]),
        tps_bend=_bend(bent[4:]),
    )


def _bend(said: list[float]) -> Bend:
    if len(said) != 4:
        return bends.STRAIGHT
    crowd, read, at_crowd, at_read = said
    return Bend(crowd=crowd, read=read, at_crowd=at_crowd, at_read=at_read)


def _right(line: Line) -> list[float] | None:
    return None if line == calibration.PLAIN else [_short(line.shift), _short(line.slope)]


def _line(said: list[float] | None) -> Line:
    return Line(shift=said[0], slope=said[1]) if said else calibration.PLAIN


def _forecast(output: Forecast) -> list[float]:
    return [_short(output.tokens), _short(output.high)]


def _short(value: float) -> float:
    """Six digits: what is finer than that never decided anything."""
    return float(f"{value:.6g}")
