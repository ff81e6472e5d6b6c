"""Vectors of the engine are the original's, whoever asks beside whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest

from inference import embedding
from inference.embedding import Terms
from inference.embeddings import local as locals_
from inference.embeddings import minilm, reference
from inference.embeddings.local import Local
from inference.embeddings.minilm import Original
from inference.embeddings.reference import Floats
from inference.embeddings.wordpiece import WordPiece
from inference.words import EngineError, Failure
from tests.inference.embeddings.texts import ODD, PLAIN


def expected(original: Original, texts: Sequence[str]) -> Floats:
    pieces = WordPiece(original.vocabulary, longest=minilm.LONGEST)
    return np.stack([reference.embed(original.weights, pieces.read(each).ids) for each in texts])


def likeness(one: Floats, other: Floats) -> Floats:
    cosines: Floats = (one * other).sum(axis=1)
    return cosines


def test_the_reference_puts_like_beside_like(original: Original) -> None:
    """Of three questions the two about passwords are the near ones."""
    rows = expected(original, PLAIN[:3])
    assert rows[0] @ rows[1] > 0.6 > 0.3 > rows[0] @ rows[2]


def test_vectors_are_the_originals(shared: Local, original: Original) -> None:
    made = embedding.embed(shared, PLAIN)
    assert made.vectors.shape == (len(PLAIN), 384)
    assert np.allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)
    assert likeness(made.vectors, expected(original, PLAIN)).min() >= 0.998


def test_odd_texts_have_their_vectors_too(shared: Local, original: Original) -> None:
    """Nearly empty ones suffer most from eight-bit weights: nothing averages the loss."""
    short = [text for text in ODD if len(text) < 200]
    made = embedding.embed(shared, short)
    assert likeness(made.vectors, expected(original, short)).min() >= 0.995
    assert np.isfinite(embedding.embed(shared, ODD).vectors).all()


def test_tokens_and_cuts_are_counted(local: Local) -> None:
    made = embedding.embed(local, ["hello world", "word " * 1000])
    assert (made.tokens, made.truncated, made.cached_tokens) == (4 + 256, 1, 0)
    assert made.compute_s > 0


def test_what_was_embedded_a_moment_ago_costs_nothing(local: Local) -> None:
    first = embedding.embed(local, ["hello world", "another"], domain="red")
    again = embedding.embed(local, ["another", "hello world"], domain="red")
    assert (again.compute_s, again.cached_tokens) == (0, again.tokens)
    assert (again.vectors == first.vectors[::-1]).all()


def test_the_same_text_many_times_in_a_list_is_made_once(local: Local) -> None:
    made = embedding.embed(local, ["hello world", "another", *["hello world"] * 300])
    assert (made.tokens, made.cached_tokens) == (4 + 3 + 300 * 4, 300 * 4)
    assert (made.vectors[2:] == made.vectors[0]).all()
    assert (made.vectors[1] != made.vectors[0]).any()


def test_what_is_remembered_is_made_anew_when_asked_and_kept_unless_told_not_to(
    local: Local,
) -> None:
    embedding.embed(local, ["hello world"], domain="red")
    assert local.remembers(["hello world"], domain="red")
    assert not local.remembers(["hello world", "more"], domain="red")
    assert not local.remembers(["hello world"], domain="blue")
    anew = local.submit(["hello world"] * 2, domain="red", memory="no-cache").result(20)
    assert anew.compute_s > 0
    assert (anew.tokens, anew.cached_tokens) == (8, 4)
    gone = local.submit(["hello world", "more"], domain="red", memory="no-store").result(20)
    assert gone.cached_tokens == 4
    assert not local.remembers(["more"], domain="red")


def test_nothing_is_remembered_of_one_team_for_another(local: Local) -> None:
    embedding.embed(local, ["a secret of the red team"], domain="red")
    other = embedding.embed(local, ["a secret of the red team"], domain="blue")
    assert other.cached_tokens == 0
    assert other.compute_s > 0


def test_those_who_ask_at_once_get_their_own(local: Local) -> None:
    """Lists of other lengths beside each other, over several lanes and batches."""
    lists = [
        [f"question {caller} number {n}" for n in range(1 + caller % 5)] for caller in range(24)
    ]
    alone = [embedding.embed(local, texts, domain="alone").vectors for texts in lists]
    with ThreadPoolExecutor(24) as callers:
        together = list(callers.map(lambda texts: embedding.embed(local, texts), lists))
    mine, made = np.concatenate(alone), np.concatenate([each.vectors for each in together])
    assert likeness(mine, made).min() > 0.999  # eight-bit sums differ a little by batch
    assert ((made @ mine.T).argmax(axis=1) == np.arange(len(mine))).all()


async def test_an_event_loop_awaits_the_same(shared: Local) -> None:
    made = await asyncio.gather(*(embedding.embedded(shared, [text]) for text in PLAIN[:4]))
    again = embedding.embed(shared, PLAIN[:4])
    assert (np.concatenate([each.vectors for each in made]) == again.vectors).all()


def test_a_short_text_does_not_wait_for_a_long_list(local: Local) -> None:
    embedding.embed(local, ["warm"])
    many = local.submit([f"text {n} " * 40 for n in range(150)])
    embedding.embed(local, ["a short one"])
    assert not many.done()
    many.cancel()


def test_a_cancelled_list_is_given_up(local: Local) -> None:
    embedding.embed(local, ["warm"])
    many = local.submit([f"text {n} " * 60 for n in range(2_000)])
    assert many.cancel()
    with pytest.raises(CancelledError):
        many.result(1)
    embedding.embed(local, ["next"], within_s=30)
    assert local.wait_s == 0


def test_a_full_embedder_says_when_to_come_again(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locals_, "MOST_WAITING", 500)
    waiting = local.submit([f"text {n} " * 60 for n in range(500)])
    with pytest.raises(EngineError) as refused:
        embedding.embed(local, [f"one more {n}" for n in range(400)])
    assert refused.value.retry_after_s
    waiting.cancel()


def test_half_a_surrogate_pair_is_the_callers_mistake(shared: Local) -> None:
    with pytest.raises(EngineError) as refused:
        embedding.embed(shared, ["fine", "\ud83d"])
    assert refused.value.failure is Failure.CLIENT


def test_an_absent_model_is_said_and_tried_again(terms: Terms) -> None:
    absent = Local(Terms(model="all-MiniLM-L6-v2:q2_k", models=terms.models, threads=2))
    for _ in range(2):
        with pytest.raises(EngineError, match="not in the store"):
            embedding.embed(absent, ["hello"], within_s=20)
    absent.close()


def test_closing_ends_threads_and_tells_those_who_wait(terms: Terms) -> None:
    opened = Local(terms)
    embedding.embed(opened, ["warm"])
    many = opened.submit([f"text {n} " * 60 for n in range(500)])
    opened.close()
    with pytest.raises(EngineError, match="closed"):
        many.result(5)
    with pytest.raises(EngineError, match="closed"):
        opened.submit(["late"])
    assert not [each for each in threading.enumerate() if each in opened._lanes]


def test_the_embedder_is_named_by_a_dotted_path(terms: Terms) -> None:
    opened = embedding.open_embedder(embedding.DEFAULT, terms)
    assert (opened.name, opened.dimensions, opened.longest) == (f"{terms.model}@onnx", 384, 256)
    opened.close()
