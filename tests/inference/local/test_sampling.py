from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.local.engine import Engine
from inference.local.words import Sampling, Settings
from inference.words import EngineError, Failure
from tests.inference.local.listening import Heard, job, write

LETTERS = {number: -100.0 for number in range(260) if not chr(number).islower() or number > 127}
"""Biases that leave only a to z."""
JSON = r"""
root   ::= object
object ::= "{" ws (pair (ws "," ws pair)*)? ws "}"
pair   ::= string ws ":" ws value
value  ::= string | number | "true" | "null" | object
string ::= "\"" [a-z]{0,6} "\""
number ::= [1-9] [0-9]{0,3}
ws     ::= " "?
"""


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[Engine]:
    started = Engine(tiny_model, Settings(slots=4, threads=1), name="tiny")
    yield started
    started.close()


def one(engine: Engine, text: str = "Once", /, **sampling: object) -> Heard:
    more = {"temperature": 1.0, "logit_bias": LETTERS, **sampling}
    (heard,) = write(engine, job(text, sampling=Sampling(**more), max_tokens=24))  # type: ignore[arg-type]
    return heard


def test_the_same_seed_writes_the_same_and_another_does_not(engine: Engine) -> None:
    texts = [one(engine, seed=seed).text for seed in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


def test_without_a_seed_every_answer_is_its_own(engine: Engine) -> None:
    assert len({one(engine).text for _ in range(4)}) == 4


def test_jobs_beside_each_other_keep_their_own_seeds(engine: Engine) -> None:
    sampling = [Sampling(temperature=1, seed=seed, logit_bias=LETTERS) for seed in (1, 2, 3)]
    alone = [write(engine, job("Once", sampling=each))[0].text for each in sampling]
    together = write(engine, *(job("Once", sampling=each) for each in sampling))
    assert [heard.text for heard in together] == alone


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}])
def test_every_filter_at_its_narrowest_leaves_the_best_token(
    engine: Engine, narrow: dict[str, float]
) -> None:
    best = one(engine, temperature=0).text
    assert one(engine, seed=5).text != best
    assert one(engine, seed=5, **narrow).text == best


def test_a_low_temperature_writes_what_is_likely(engine: Engine) -> None:
    assert one(engine, seed=1, temperature=0.001).text == one(engine, temperature=0).text


def test_bias_forbids_and_forces(engine: Engine) -> None:
    assert set(one(engine, temperature=0).text) <= set("abcdefghijklmnopqrstuvwxyz")
    forced = one(engine, temperature=0, logit_bias={ord("q"): 100, 100_000: 5})
    assert forced.text == "q" * 24


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": math.nan},
        {"temperature": -1.0},
        {"repeat_penalty": 0.0},
        {"presence_penalty": math.inf},
        {"top_p": 1.5},
        {"top_k": -1},
    ],
)
def test_numbers_without_sense_are_refused(engine: Engine, wrong: dict[str, float]) -> None:
    with pytest.raises(EngineError, match=next(iter(wrong))) as caught:
        one(engine, **wrong)
    assert caught.value.failure is Failure.CLIENT


@pytest.mark.parametrize(
    "penalty",
    [{"repeat_penalty": 100.0}, {"presence_penalty": 100.0}, {"frequency_penalty": 100.0}],
)
def test_a_penalty_keeps_an_answer_from_repeating_itself(
    engine: Engine, penalty: dict[str, float]
) -> None:
    bias = dict.fromkeys(LETTERS, -1000000.0)
    counts = Counter(one(engine, temperature=0, logit_bias=bias, **penalty).text)
    assert len(counts) > 20


def test_only_the_repeat_penalty_looks_at_the_prompt(engine: Engine) -> None:
    letters = {token: -1e6 for token in range(260) if token not in (97, 98)}
    for kind, expected in (("repeat_penalty", "b"), ("presence_penalty", "a")):
        bias = {**letters, ord("a"): 20.0, ord("b"): 10.0}
        heard = one(engine, "aaaa", temperature=0, logit_bias=bias, **{kind: 100.0})
        assert heard.text[0] == expected


def test_a_grammar_leaves_only_what_it_allows(engine: Engine) -> None:
    sampling = [Sampling(temperature=1.2, seed=seed, grammar=JSON) for seed in range(8)]
    heard = write(engine, *(job("json:", sampling=each, max_tokens=400) for each in sampling))
    whole = [one.text for one in heard if one.ended.finish == "stop"]
    assert whole
    assert all(isinstance(json.loads(text), dict) for text in whole)
    assert len(set(whole)) > 1


def test_a_grammar_at_its_end_ends_the_answer(engine: Engine) -> None:
    forbidden = dict.fromkeys((257, 258, 259), -math.inf)
    sampling = Sampling(temperature=0, grammar='root ::= "yes"', logit_bias=forbidden)
    (heard,) = write(engine, job("?", sampling=sampling, max_tokens=50))
    assert (heard.text, heard.ended.finish) == ("yes", "stop")


def test_log_probabilities_are_those_of_the_model(engine: Engine) -> None:
    (heard,) = write(engine, job("Once", logprobs=260, max_tokens=6))
    assert len(heard.scored) == heard.ended.completion_tokens == 6
    for scored in heard.scored:
        chances = [math.exp(logprob) for _, logprob in scored.top]
        assert sum(chances) == pytest.approx(1, abs=1e-4)
        assert chances == sorted(chances, reverse=True)
        assert (scored.token, scored.logprob) == scored.top[0]


def test_log_probabilities_stay_the_models_own_under_bias_and_temperature(engine: Engine) -> None:
    plain = write(engine, job("Once", logprobs=5, max_tokens=1))[0].scored[0]
    sampling = Sampling(temperature=0.3, seed=1, logit_bias={ord("q"): 1000})
    biased = write(engine, job("Once", logprobs=5, max_tokens=1, sampling=sampling))[0].scored[0]
    assert [name for name, _ in biased.top] == [name for name, _ in plain.top]
    for (_, one_), (_, other) in zip(plain.top, biased.top, strict=True):
        assert one_ == pytest.approx(other, abs=1e-3)
    assert biased.token == b"q"
    assert biased.logprob < plain.logprob


def test_the_chosen_token_alone_can_be_scored(engine: Engine) -> None:
    (heard,) = write(engine, job("Once", logprobs=0, max_tokens=3))
    assert [scored.top for scored in heard.scored] == [(), (), ()]
    assert all(scored.logprob < 0 for scored in heard.scored)
