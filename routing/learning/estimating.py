"""What is expected of each backend at a request: what was learned, or what was written (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from routing.intents.values import Recognised
from routing.learning import features, lengths, priors, quality
from routing.learning.lengths import Lengths
from routing.learning.priors import Known
from routing.learning.quality import Case, Expected, Learned
from routing.learning.values import Estimate, Outlook

AT_INTENT = 12.0
"""Outcomes at an intent that what was believed of it beforehand weighs against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mind:
    """One published version of everything that was learned."""

    version: int = 0
    quality: Learned = field(default_factory=Learned)
    lengths: Lengths = lengths.UNTAUGHT


UNTAUGHT = Mind()


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is known of a request when its backend is chosen."""

    signals: Mapping[str, Any]
    recognised: Recognised
    team_id: int = 0
    vector: npt.ArrayLike | None = None
    embedder: str = ""


def case(mind: Mind, asked: Asked) -> Case:
    """Where no vector was made, its signals have to do."""
    return Case(
        features=np.array(features.read(asked.signals, asked.recognised.complexity)),
        reduced=mind.quality.projection.reduce(asked.vector, asked.embedder),
        intent=asked.recognised.intent,
        team_id=asked.team_id,
    )


def look(mind: Mind, asked: Asked, backends: Sequence[Known]) -> Outlook:
    seen = case(mind, asked)
    found = quality.expect(mind.quality, seen) if mind.quality.backends else None
    places = {name: place for place, name in enumerate(mind.quality.backends)}
    estimates = {}
    for known in backends:
        prior = priors.prior(known, seen.intent, asked.recognised.complexity)
        place = places.get(known.name)
        learned = found is not None and place is not None
        estimates[known.name] = _joined(prior, known, found, place) if learned else prior
    names = [known.name for known in backends]
    outputs = lengths.forecasts(mind.lengths, seen.features, seen.intent, names)
    return Outlook(
        estimates=estimates,
        output=outputs[""],
        outputs=outputs,
        version=mind.version,
    )


def _joined(prior: Estimate, known: Known, found: Expected | None, place: int | None) -> Estimate:
    """Where little was seen at this intent, what was believed of it in particular still counts."""
    if found is None or place is None:
        return prior
    seen = float(found.seen[place])
    share = AT_INTENT / (AT_INTENT + seen)
    expected = float(found.quality[place]) + share * (prior.quality - known.quality)
    ends = quality.ABOUT_ENDS
    return Estimate(
        quality=min(1 - ends, max(ends, expected)),
        deviation=float(found.deviation[place]),
        seen=seen,
    )
