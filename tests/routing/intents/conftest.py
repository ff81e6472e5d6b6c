"""The shipped types as the house embedder sees them, made once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from inference import embedding
from inference.embedding import Embedder, Terms
from inference.embeddings import minilm
from inference.store.models import Store
from routing.intents import learning, opinions, quick, shipped
from routing.intents.minds import Mind
from routing.intents.opinions import Minds
from routing.intents.reporting import Report
from routing.intents.shipped import Example
from routing.intents.values import Recognised
from routing.signals.values import Signals

HELD_OUT = Path(__file__).with_name("held_out.txt")


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    models = tmp_path_factory.mktemp("models")
    minilm.place(Store(models))
    made = embedding.open_embedder(embedding.DEFAULT, Terms(model=minilm.REFERENCE, models=models))
    yield made
    made.close()


@dataclass(frozen=True)
class General:
    """The mind of the shipped types, and an ear that asks it."""

    mind: Mind
    report: Report
    embedder: Embedder

    def hear(self, *texts: str) -> list[Recognised]:
        vectors = embedding.embed(self.embedder, texts, within_s=120).vectors
        return [self._hear(text, row) for text, row in zip(texts, vectors, strict=True)]

    def _hear(self, text: str, vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Recognised:
        by_rule = quick.tell(text, signals())
        return opinions.form(Minds(shipped=self.mind), opinions.look(text, vector), by_rule=by_rule)


@pytest.fixture(scope="session")
def general(embedder: Embedder) -> General:
    examples = shipped.examples()
    vectors = embedding.embed(embedder, [each.text for each in examples], within_s=120).vectors
    mind, report = learning.of_shipped(examples, vectors)
    return General(mind=mind, report=report, embedder=embedder)


@pytest.fixture(scope="session")
def held_out() -> list[Example]:
    return list(shipped.read(HELD_OUT))


PLAIN = Signals(
    prompt_tokens=20,
    format_tokens=0,
    turns=1,
    last_turn_characters=60,
    tools=False,
    structured=False,
    images=False,
    code=False,
)


def signals(*, tools: bool = False, structured: bool = False) -> Signals:
    return replace(PLAIN, tools=tools, structured=structured)
