"""The rules that are compared: KORA's judge, one threshold for all, and a published one."""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque

import numpy as np

from benchmarks.cache.replay import Near
from caching import guards
from caching.judge import evidence, judging, learning, minds
from caching.judge.minds import Mind, Sample
from caching.values import Neighbour, Terms, Verdict

LEARNS_EVERY = 20
GROWTH = 0.03
"""Learns anew after so many pieces of evidence, or this share of them; KORA's background worker
does every few seconds."""


class Judge:
    """KORA's: guards, then the bound that was learned, then the static threshold."""

    def __init__(self, epsilon: float, *, shadow_share: float | None = None) -> None:
        self.terms = Terms(epsilon=epsilon)
        self.settled = self.terms.shadow_share if shadow_share is None else shadow_share
        self.mind: Mind = minds.UNTAUGHT
        self._seen: deque[Sample] = deque(maxlen=learning.LOOKS_BACK)
        self._new = 0
        self._last: tuple[Near, Verdict] | None = None

    @property
    def shadow_share(self) -> float:
        return self.mind.share(self.settled)

    def serves(self, near: Near) -> bool:
        return self._verdict(near).served

    def was_sure(self, near: Near) -> bool:
        verdict = self._verdict(near)
        return verdict.score >= evidence.SURE_SCORE and not verdict.reason.startswith("guard:")

    def learns(self, near: Near, *, right: bool, weight: float) -> None:
        verdict = self._verdict(near)
        if verdict.reason.startswith("guard:"):
            return
        self._seen.append(
            Sample(features=verdict.features, right=right, weight=weight, served=verdict.served)
        )
        self._new += 1
        if self._new >= max(LEARNS_EVERY, GROWTH * len(self._seen)):
            self.mind, self._new = minds.learn(list(self._seen), self.mind), 0

    def _verdict(self, near: Near) -> Verdict:
        if self._last is None or self._last[0] is not near:
            found = judging.judge(near.question, near.neighbours, self.mind, self.terms)
            assert isinstance(found, Verdict)
            self._last = (near, found)
        return self._last[1]


class Threshold:
    """One similarity for everything, with or without KORA's guards before it."""

    shadow_share = 0.0

    def __init__(self, least: float, *, guarded: bool = False) -> None:
        self.least, self.guarded = least, guarded

    def serves(self, near: Near) -> bool:
        nearest = near.neighbours[0]
        if nearest.similarity < self.least:
            return False
        return not (self.guarded and guards.disagreement(near.question, nearest.question))

    def was_sure(self, near: Near) -> bool:
        del near
        return False

    def learns(self, near: Near, *, right: bool, weight: float) -> None:
        del near, right, weight


class OverAll:
    """The rule of vCache (arXiv 2502.03771), written anew from the paper: each entry has a logistic
    curve of correctness in similarity; a question is asked anew with the least probability
    that keeps errors over *all* requests under epsilon, whatever the curve's threshold is within
    its confidence interval. Likelihoods are taken over a grid instead of by an optimiser.
    """

    shadow_share = 0.0
    SLOPES = np.geomspace(4.0, 400.0, 14)
    THRESHOLDS = np.linspace(0.5, 1.05, 56)
    SURENESS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
    LEAST = 2

    def __init__(self, epsilon: float, *, seed: int = 1) -> None:
        self.epsilon = epsilon
        self.dice = random.Random(seed)
        self._logs: dict[int, np.ndarray] = {}
        self._met: dict[int, list[bool]] = defaultdict(list)
        self._grid = np.meshgrid(self.THRESHOLDS, self.SLOPES, indexing="ij")

    def serves(self, near: Near) -> bool:
        nearest = near.neighbours[0]
        if len(self._met[nearest.entry_id]) < self.LEAST:
            return False
        return self.dice.random() >= self._anew(nearest)

    def was_sure(self, near: Near) -> bool:
        del near
        return False

    def learns(self, near: Near, *, right: bool, weight: float) -> None:
        del weight
        nearest = near.neighbours[0]
        self._met[nearest.entry_id].append(right)
        likely = self._curve(nearest.similarity)
        log = np.log(np.maximum(1e-9, likely if right else 1.0 - likely))
        self._logs[nearest.entry_id] = self._logs.get(nearest.entry_id, 0.0) + log

    def _curve(self, similarity: float) -> np.ndarray:
        thresholds, slopes = self._grid
        return 1.0 / (1.0 + np.exp(-np.clip(slopes * (similarity - thresholds), -35, 35)))

    def _anew(self, nearest: Neighbour) -> float:
        """The smallest probability over the levels of confidence that the paper minimises over."""
        log = self._logs[nearest.entry_id]
        profile = log.max(axis=1)
        best = float(log.max())
        least = 1.0
        for sure in self.SURENESS:
            inside = np.flatnonzero(profile >= best - _half_chi_square(sure))
            furthest = int(inside[-1])
            slope = int(log[furthest].argmax())
            right = sure * float(self._curve(nearest.similarity)[furthest, slope])
            needed = 1.0 - self.epsilon / (1.0 - right) if right < 1.0 - self.epsilon else 0.0
            least = min(least, max(0.0, needed))
        return least


def _half_chi_square(sure: float) -> float:
    """Half the quantile of a chi-square of one degree: how far the log likelihood may fall."""
    low, high = 0.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        if math.erf(middle / math.sqrt(2)) < sure:
            low = middle
        else:
            high = middle
    return low * low / 2
