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


Told = tuple[float, float, float]
"""Quality, deviation, outcomes."""


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
    learned = _by_backend(mind.quality.backends, found)
    estimates = {}
    for known in backends:
        prior = priors.prior(known, seen.intent, asked.recognised.complexity)
        told = learned.get(known.name)
        estimates[known.name] = prior if told is None else _joined(prior, known, told)
    names = [known.name for known in backends]
    outputs = lengths.forecasts(mind.lengths, seen.features, seen.intent, names)
    return Outlook(
        estimates=estimates,
        output=outputs[""],
        outputs=outputs,
        version=mind.version,
    )


def _by_backend(names: Sequence[str], found: Expected | None) -> dict[str, Told]:
    if found is None:
        return {}
    columns = (found.quality.tolist(), found.deviation.tolist(), found.seen.tolist())
    return dict(zip(names, zip(*columns, strict=True), strict=True))


def _joined(prior: Estimate, known: Known, told: Told) -> Estimate:
    """Where little was seen at this intent, what was believed of it in particular still counts."""
    expected, deviation, seen = told
    share = AT_INTENT / (AT_INTENT + seen)
    expected += share * (prior.quality - known.quality)
    ends = quality.ABOUT_ENDS
    return Estimate(quality=min(1 - ends, max(ends, expected)), deviation=deviation, seen=seen)
