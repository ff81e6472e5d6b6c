"""Which token is next: llama.cpp's samplers, a grammar around them, and log probabilities."""

from __future__ import annotations

import contextlib
import ctypes
import math
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from inference.local import aside
from inference.local.context import Context, Logits
from inference.local.library import Model, llama, quick, spelling
from inference.local.words import Sampling, Scored
from inference.words import EngineError, Failure

REPEAT_WINDOW = 64
"""Tokens (of the prompt too) that the repeat penalty looks back on, as in llama.cpp's server."""
LONGEST_CHOICE_S = 0.1
"""Of processor time for one token under a grammar. The ways in which a text can fit one may double
with every token, and llama.cpp follows them all: who needs so long now needs for ever soon."""
CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
IMPOSSIBLE = -np.inf
LARGEST = 1e6
"""What is added to a logit stays finite: of infinite ones llama.cpp makes no numbers."""
COLDEST = 1e-5
"""Below it the temperature is zero."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (0, 2**31 - 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 100),
    "presence_penalty": (-100, 100),
    "frequency_penalty": (-100, 100),
}


def check(sampling: Sampling) -> None:
    """Some numbers beyond these end the whole process in llama.cpp."""
    for name, (low, high) in LIMITS.items():
        if not low <= getattr(sampling, name) <= high:
            raise EngineError(
                Failure.CLIENT, f"{name} must be from {low} to {high}", status=400, param=name
            )


class Candidates:
    """Every token with its logit, in the memory that samplers work on; one for an engine."""

    def __init__(self, vocabulary: int) -> None:
        self.all = np.zeros(vocabulary, CANDIDATE)
        self._ids = np.arange(vocabulary, dtype=np.int32)
        self.native = llama.llama_token_data_array()
        self._one = llama.llama_token_data()
        self._single = llama.llama_token_data_array(ctypes.pointer(self._one), 1, -1, False)

    def fill(self, logits: Logits) -> None:
        self.all["id"], self.all["logit"] = self._ids, logits
        self.native.data = self.all.ctypes.data_as(llama.llama_token_data_p)
        self.native.size, self.native.selected, self.native.sorted = len(self.all), -1, False

    @property
    def selected(self) -> int:
        return int(self.native.data[self.native.selected].id)

    def single(self, token: int) -> Any:
        self._one.id, self._one.logit = token, 1.0
        return self._single

    @property
    def single_allowed(self) -> bool:
        return bool(self._one.logit != IMPOSSIBLE)


class Sampler:
    """Of one job. `plain`: the best token is taken as it is, nothing here is asked."""

    def __init__(self, model: Model, sampling: Sampling, prompt: Sequence[int]) -> None:
        self.plain = _plain(sampling)
        self._chain = _chain(model, sampling, prompt) if not self.plain else None
        self._grammar = _grammar(model, sampling.grammar)
        self.lost = False
        """The grammar has become too much; nothing more should be chosen under it."""

    def free(self) -> None:
        for sampler in (self._chain, self._grammar):
            if sampler:
                quick.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def choose(self, context: Context, place: int, candidates: Candidates, row: Logits) -> int:
        """The token after batch position `place`; -1: the grammar is at its end."""
        if self._grammar is None:
            return int(quick.llama_sampler_sample(self._chain, context.pointer, place))
        with self._watched():
            return self._under_grammar(candidates, row)

    def _under_grammar(self, candidates: Candidates, row: Logits) -> int:
        candidates.fill(row)
        token = self._applied(candidates)
        if not self._allows(candidates, token):
            candidates.fill(row)
            quick.llama_sampler_apply(self._grammar, ctypes.byref(candidates.native))
            if np.isneginf(candidates.all["logit"]).all():
                return -1
            token = self._applied(candidates)
            if not self._allows(candidates, token):
                return -1
        quick.llama_sampler_accept(self._chain, token)
        return token

    def accept(self, token: int) -> None:
        """Moves the grammar on. Never with a token that it forbids or that ends the text:
        llama.cpp would end the process."""
        if self._grammar is not None:
            with self._watched():
                quick.llama_sampler_accept(self._grammar, token)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        began = time.thread_time()
        yield
        self.lost = self.lost or time.thread_time() - began > LONGEST_CHOICE_S

    def _applied(self, candidates: Candidates) -> int:
        quick.llama_sampler_apply(self._chain, ctypes.byref(candidates.native))
        return candidates.selected

    def _allows(self, candidates: Candidates, token: int) -> bool:
        """One token is checked in microseconds; all of them would be for every step."""
        quick.llama_sampler_apply(self._grammar, ctypes.byref(candidates.single(token)))
        return candidates.single_allowed


def _plain(sampling: Sampling) -> bool:
    penalised = sampling.repeat_penalty != 1 or _counted(sampling)
    return not (
        sampling.temperature > COLDEST or penalised or sampling.logit_bias or sampling.grammar
    )


def _counted(sampling: Sampling) -> bool:
    return bool(sampling.presence_penalty or sampling.frequency_penalty)


def _chain(model: Model, sampling: Sampling, prompt: Sequence[int]) -> Any:
    chain = quick.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    for sampler in _filters(model, sampling, prompt):
        quick.llama_sampler_chain_add(chain, sampler)
    return chain


def _filters(model: Model, sampling: Sampling, prompt: Sequence[int]) -> Iterator[Any]:
    """In llama.cpp's own order."""
    if sampling.logit_bias:
        yield _bias(model, sampling)
    if sampling.repeat_penalty != 1:
        yield _repeats(model, sampling, prompt)
    if _counted(sampling):  # OpenAI's two count what this answer has written, not the prompt
        frequency, presence = sampling.frequency_penalty, sampling.presence_penalty
        window = quick.llama_model_n_ctx_train(model.pointer)
        yield quick.llama_sampler_init_penalties(model.vocabulary, window, 1, frequency, presence)
    if sampling.temperature <= COLDEST:
        yield quick.llama_sampler_init_greedy()
        return
    if sampling.top_k > 0:
        yield quick.llama_sampler_init_top_k(sampling.top_k)
    if sampling.top_p < 1:
        yield quick.llama_sampler_init_top_p(sampling.top_p, 1)
    if sampling.min_p > 0:
        yield quick.llama_sampler_init_min_p(sampling.min_p, 1)
    if sampling.temperature != 1:
        yield quick.llama_sampler_init_temp(sampling.temperature)
    seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
    yield quick.llama_sampler_init_dist(seed & 0xFFFFFFFF)


def _bias(model: Model, sampling: Sampling) -> Any:
    known = {
        token: max(-LARGEST, min(bias, LARGEST))
        for token, bias in sampling.logit_bias.items()
        if 0 <= token < model.vocabulary and not math.isnan(bias)
    }
    biases = (llama.llama_logit_bias * len(known))(*known.items())
    return quick.llama_sampler_init_logit_bias(model.vocabulary, len(known), biases)


def _repeats(model: Model, sampling: Sampling, prompt: Sequence[int]) -> Any:
    sampler = quick.llama_sampler_init_penalties(
        model.vocabulary, REPEAT_WINDOW, sampling.repeat_penalty, 0, 0
    )
    for token in prompt[-REPEAT_WINDOW:]:
        quick.llama_sampler_accept(sampler, token)
    return sampler


def _grammar(model: Model, grammar: str) -> Any:
    if not grammar:
        return None
    written = grammar.encode()
    sampler = aside.parsed(
        lambda: llama.llama_sampler_init_grammar(model.vocab, written, b"root"), written
    )
    if not sampler:
        raise EngineError(
            Failure.CLIENT, "the grammar is no valid GBNF", status=400, param="grammar"
        )
    return sampler


def score(model: Model, row: Logits, token: int, count: int) -> Scored:
    """From the model's own logits, before any penalty, bias, temperature or grammar."""
    best = float(row.max())
    whole = best + float(np.log(np.exp(row - best, dtype=np.float64).sum()))
    top = np.argpartition(row, -count)[-count:] if count else np.empty(0, np.intp)
    ranked = sorted(top.tolist(), key=lambda one: -row[one])
    return Scored(
        token=spelling(model.vocab, token, special=True),
        logprob=float(row[token]) - whole,
        top=tuple(
            (spelling(model.vocab, one, special=True), float(row[one]) - whole) for one in ranked
        ),
    )
