"""What was learned of intents and of how hard requests are, as a value and as bytes (pure)."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from routing.intents.classifying import Classifier, Scale
from routing.intents.complexity import Gauge
from routing.intents.softmax import Linear

PLAIN = ("names", "cue_scale", "heat", "floor")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mind:
    """Empty until something was learned, and once a team has taken its intents away."""

    classifier: Classifier | None = None
    gauge: Gauge | None = None


UNTAUGHT = Mind()


def as_bytes(mind: Mind) -> bytes:
    arrays: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    if mind.classifier is not None:
        found = mind.classifier
        arrays |= {
            "weights": found.linear.weights,
            "bias": found.linear.bias,
            "known": found.known.astype(np.float16),
        }
        facts["classifier"] = {
            **{name: getattr(found, name) for name in PLAIN},
            "decided": asdict(found.decided),
            "near": asdict(found.near),
        }
    if mind.gauge is not None:
        arrays |= {f"gauge_{n}": getattr(mind.gauge, n) for n in ("signs", "vector", "surface")}
        facts["rest"] = mind.gauge.rest
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def from_bytes(stored: bytes) -> Mind:
    if not stored:
        return UNTAUGHT
    with np.load(io.BytesIO(stored), allow_pickle=False) as read:
        arrays = {name: read[name] for name in read.files}
    facts = json.loads(arrays.pop("facts").tobytes())
    return Mind(classifier=_classifier(arrays, facts), gauge=_gauge(arrays, facts))


def _classifier(arrays: dict[str, Any], facts: dict[str, Any]) -> Classifier | None:
    said = facts.get("classifier")
    if said is None:
        return None
    return Classifier(
        names=tuple(said["names"]),
        linear=Linear(weights=arrays["weights"], bias=arrays["bias"]),
        known=np.ascontiguousarray(arrays["known"], np.float32),
        cue_scale=said["cue_scale"],
        heat=said["heat"],
        decided=Scale(**said["decided"]),
        near=Scale(**said["near"]),
        floor=said["floor"],
    )


def _gauge(arrays: dict[str, Any], facts: dict[str, Any]) -> Gauge | None:
    if "rest" not in facts:
        return None
    parts = {name: arrays[f"gauge_{name}"] for name in ("signs", "vector", "surface")}
    return Gauge(rest=facts["rest"], **parts)
