"""The network computes what llama.cpp will compute, and copies before it has learned anything."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the packages of requirements-train.lock")

from training import chat, export, feed, parity, sample, spelling  # noqa: E402
from training.copying import Copying  # noqa: E402
from training.model import Mini, Shape  # noqa: E402
from training.sample import Sample  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder before its first step."""
    folder = tmp_path_factory.mktemp("run")
    tokenizer = spelling.build(seed=3, each=60)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(1)
    shape = Shape(vocabulary=tokenizer.get_vocab_size(), layers=2)
    model = Mini(shape)
    Copying(model, seed=1).plant()
    state = {"model": model.state_dict(), "shape": vars(shape)}
    torch.save(state, folder / "checkpoint.pt")
    return folder


def test_an_untrained_model_repeats_what_it_has_read(run: Path) -> None:
    model, _ = export.trained(run)
    once = torch.randint(10, model.shape.vocabulary, (8, 30), generator=torch.manual_seed(2))
    with torch.no_grad():
        likeliest = model(torch.cat((once, once), 1))[:, 30:-1].argmax(-1)
    assert (likeliest == once[:, 1:]).float().mean() > 0.8


def test_the_file_spells_and_computes_as_the_network_does(run: Path, tmp_path: Path) -> None:
    export.write(run, tmp_path / "model.gguf")
    found = parity.compare(run, tmp_path / "model.gguf", seed=4)
    assert found["texts"] == found["texts_spelled_alike"]
    assert found["tokens"] >= parity.LEAST_TOKENS
    assert found["likeliest_alike"] >= 0.99 * found["tokens"]


def test_a_feed_is_seeded_and_never_holds_what_is_held_out(run: Path) -> None:
    _, tokenizer = export.trained(run)
    drawn: list[Sample] = []

    class Watched(feed.Feed):
        def sample(self) -> Sample:
            drawn.append(super().sample())
            return drawn[-1]

    speech = chat.Speech(tokenizer=tokenizer)
    made = [
        next(Watched(speech, seed=seed, tokens=1024, context=512).batches()).tokens
        for seed in (1, 1, 2)
    ]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
    assert drawn and not any(sample.held_out(one.asked) for one in drawn)


def test_only_answers_and_a_share_of_the_prompt_count() -> None:
    rng = random.Random(1)
    rows = [
        chat.Talk(tokens=tuple(rng.choices(range(10), k=40)), said=(False,) * 30 + (True,) * 10)
        for _ in range(4)
    ]
    batch = feed.packed(rows)
    assert (batch.weights[:, 29:39] == 1).all()
    assert (batch.weights[:, :29] < 1).all() and (batch.weights[:, 39:] == 0).all()
