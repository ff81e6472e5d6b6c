"""What is expected before a choice: what was written, measured or learned, whichever is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from inference.store import shipped_model
from routing.intents.values import Recognised
from routing.learning import estimating, features, keeping, lengths, priors
from routing.learning.estimating import Asked, Mind
from routing.learning.priors import Known, Tried
from tests.routing.learning import school

MINI = Known(name="kora-mini", model="kora-mini:f16", quality=0.15)
LARGE = Known(name="large", model="gpt", quality=0.8)


def _asked(intent: str = "", complexity: float | None = None) -> Asked:
    signals = {"prompt_tokens": 60, "last_turn_characters": 240, "turns": 1}
    return Asked(signals=signals, recognised=Recognised(intent=intent, complexity=complexity))


def test_before_anything_was_learned_what_was_written_counts_and_is_not_sure() -> None:
    outlook = estimating.look(estimating.UNTAUGHT, _asked(), [LARGE])
    assert outlook.version == 0
    assert outlook.estimates["large"].quality == 0.8
    assert outlook.estimates["large"].deviation > 0.2
    assert outlook.estimates["large"].seen == 0


@pytest.mark.parametrize(
    ("intent", "complexity", "at_least", "at_most"),
    [
        ("greeting", 0.0, 0.6, 0.7),
        ("classification", 0.4, 0.6, 0.7),
        ("formatting", 1.0, 0.0, 0.15),
        ("reasoning", 0.1, 0.0, 0.05),
        ("", None, 0.15, 0.15),
    ],
)
def test_kora_mini_is_believed_what_it_was_measured_to_do(
    intent: str, complexity: float | None, at_least: float, at_most: float
) -> None:
    assert at_least <= priors.prior(MINI, intent, complexity).quality <= at_most


def test_its_marks_are_those_that_ship_with_it() -> None:
    marks = json.loads((shipped_model.FOLDER / "kora-mini.json").read_text())["accuracy"]
    tasks = {
        "greeting": ("small talk",),
        "formatting": ("case", "lists", "json", "csv", "sort", "dedupe", "products"),
        "extraction": ("extract", "reading"),
        "classification": ("classify",),
        "maths": ("sums", "units"),
    }
    for intent, names in tasks.items():
        for place, hardness in enumerate(("easy", "medium", "hard")):
            mean = sum(marks[name][hardness]["f16"] for name in names) / len(names)
            assert priors.MINI_AT[intent][place] == pytest.approx(mean, abs=0.011), intent


def test_a_trial_moves_what_was_written() -> None:
    tried = Known(name="new", model="x", quality=0.5, trials={"maths": Tried(asked=12, right=11)})
    found = priors.prior(tried, "maths", None)
    assert 0.7 < found.quality < 0.92
    assert found.deviation < priors.prior(tried, "faq", None).deviation
    assert priors.prior(tried, "faq", None).quality == 0.5


def test_what_was_believed_of_an_intent_fades_with_outcomes_there() -> None:
    wrong = [school.seen("kora-mini", 0.0, school.case(intent="greeting")) for _ in range(60)]
    mind = Mind(version=1, quality=school.taught(wrong)[1])
    found = estimating.look(mind, _asked("greeting", 0.1), [MINI]).estimates["kora-mini"]
    assert found.quality < 0.25
    assert found.seen > 40


def test_a_mind_is_the_same_after_it_was_kept() -> None:
    outcomes = [school.seen("one", n % 3 / 2, school.case(intent="faq")) for n in range(120)]
    known, learned = school.taught(outcomes)
    mind = Mind(version=4, quality=learned)
    read = keeping.unpack(keeping.pack(mind), 4)
    one = Known(name="one", model="x", quality=0.5)
    before, after = (
        estimating.look(m, _asked("faq"), [one]).estimates["one"] for m in (mind, read)
    )
    assert after.quality == pytest.approx(before.quality, abs=1e-4)
    assert after.deviation == pytest.approx(before.deviation, abs=1e-4)
    again = keeping.unpack_evidence(keeping.pack_evidence(known))
    assert again.ring.ids.tolist() == known.ring.ids.tolist()
    assert again.watches == known.watches


def test_what_another_kora_kept_is_not_read() -> None:
    assert keeping.unpack(b"something else", 3) is estimating.UNTAUGHT


def test_an_answer_s_length_is_forecast_by_intent_and_backend() -> None:
    rows = school.case().features[None].repeat(400, axis=0)
    tokens = np.where(np.arange(400) % 2, 20.0, 400.0)
    heard = lengths.Heard(
        rows=rows,
        who=(np.arange(400) % 2).astype(np.intp),
        intents=np.full(400, "faq"),
        tokens=tokens,
    )
    known = lengths.fit(heard, ("wordy", "terse"))
    found = lengths.forecasts(known, school.case().features, "faq", ["wordy", "terse", "new"])
    assert found["terse"].tokens == pytest.approx(20, rel=0.2)
    assert found["wordy"].tokens == pytest.approx(400, rel=0.2)
    assert 40 < found["new"].tokens < 200
    assert found["wordy"].high > found["wordy"].tokens


def test_features_are_bounded_whatever_the_request() -> None:
    huge = {"prompt_tokens": 10**9, "last_turn_characters": 10**9, "turns": 10**6, "numbers": 10**9}
    found = features.read(huge, 1.0)
    assert len(found) == len(features.NAMES)
    assert all(math.isfinite(each) and abs(each) < 20 for each in found)
