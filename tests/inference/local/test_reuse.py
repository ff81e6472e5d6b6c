"""What was read once is taken over: counted, exact, and never from another domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.local.engine import Engine
from inference.local.words import Sampling, Settings
from tests.inference.local.listening import Listener, Watch, job, write

TRUNK = "You are a helper who answers in short sentences. " * 20


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def engine(tiny_model: Path, watch: Watch) -> Iterator[Engine]:
    settings = Settings(slots=8, threads=1, chunk=128, context=1536)
    started = Engine(tiny_model, settings, name="tiny", opening=watch.open)
    yield started
    watch.let_go()
    started.close()


def fresh(tiny_model: Path, text: str) -> str:
    """What an engine writes that has never read anything."""
    started = Engine(tiny_model, Settings(slots=1, threads=1, chunk=128), name="fresh")
    try:
        return write(started, job(text))[0].text
    finally:
        started.close()


def test_a_second_turn_reads_only_what_is_new(engine: Engine, tiny_model: Path) -> None:
    first = write(engine, job(TRUNK, domain="team"))[0]
    read = engine.prefilled
    text = TRUNK + first.text.encode(errors="ignore").decode() + "And then?"
    second = write(engine, job(text, domain="team"))[0]
    assert second.ended.cached_tokens >= len(TRUNK)
    assert engine.prefilled - read == len(text.encode()) - second.ended.cached_tokens - 1
    assert second.text == fresh(tiny_model, text)


def test_a_prompt_that_begins_alike_takes_the_beginning(engine: Engine, tiny_model: Path) -> None:
    write(engine, job(TRUNK + "one"))
    (heard,) = write(engine, job(TRUNK + "two"))
    assert heard.ended.cached_tokens == len(TRUNK)
    assert heard.text == fresh(tiny_model, TRUNK + "two")


def test_the_same_prompt_again_reads_one_token(engine: Engine) -> None:
    first = write(engine, job(TRUNK))[0]
    read = engine.prefilled
    (again,) = write(engine, job(TRUNK))
    assert again.ended.cached_tokens == len(TRUNK) - 1
    assert engine.prefilled == read
    assert again.text == first.text


def test_nothing_is_shared_between_domains(engine: Engine) -> None:
    write(engine, job(TRUNK, domain="one"))
    for domain in ("two", ""):
        (heard,) = write(engine, job(TRUNK, domain=domain))
        assert heard.ended.cached_tokens == 0
    (heard,) = write(engine, job(TRUNK, domain="one"))
    assert heard.ended.cached_tokens == len(TRUNK) - 1


def test_many_choices_read_their_prompt_once(engine: Engine, watch: Watch) -> None:
    choices = [job(TRUNK, sampling=Sampling(temperature=1, seed=n)) for n in range(8)]
    heard = write(engine, *choices)
    assert engine.prefilled == len(TRUNK) - 1
    assert sorted(one.ended.cached_tokens for one in heard) == [0] + [len(TRUNK) - 1] * 7
    assert len({one.text for one in heard}) == 8


def test_eight_with_one_long_beginning_read_it_once(engine: Engine, tiny_model: Path) -> None:
    texts = [f"{TRUNK}{number}, what do you say?" for number in range(8)]
    heard = write(engine, *map(job, texts))
    without = sum(len(text) for text in texts)
    assert engine.prefilled * 4 < without
    assert sum(one.ended.cached_tokens for one in heard) == 7 * len(TRUNK)
    assert [heard[0].text, heard[7].text] == [
        fresh(tiny_model, texts[0]),
        fresh(tiny_model, texts[7]),
    ]


def test_who_waits_for_a_beginning_goes_on_when_its_reader_leaves(
    engine: Engine, watch: Watch
) -> None:
    watch.hold()
    listener = Listener(engine)
    reader = listener.submit(job(TRUNK + "first"), "reader")
    watch.reached()
    listener.submit(job(TRUNK + "second"), "waiter")
    reader.cancel()
    watch.let_go()
    listener.until_end()
    assert listener.heard["reader"].ended.finish == "cancelled"
    assert 0 < listener.heard["waiter"].ended.cached_tokens < len(TRUNK)
    assert listener.heard["waiter"].ended.completion_tokens


def test_nothing_of_a_failed_step_is_used_again(engine: Engine, watch: Watch) -> None:
    expected = write(engine, job(TRUNK, domain="before"))[0].text
    watch.failing.add(len(watch.steps) + 9)
    (failed,) = write(engine, job(TRUNK, max_tokens=40))
    assert "decode" in failed.error.message
    (heard,) = write(engine, job(TRUNK))
    assert heard.ended.cached_tokens == 0
    assert heard.text == expected


def test_the_beginning_used_longest_ago_is_forgotten_first(engine: Engine) -> None:
    lanes = engine.facts.layout.lanes
    for number in range(lanes + 1):
        write(engine, job(f"{number} " * 20, max_tokens=1))
    cached = [
        write(engine, job(f"{number} " * 20, max_tokens=1))[0].ended.cached_tokens
        for number in (lanes, 3, 0)
    ]
    assert cached[0] > 0
    assert cached[1] > 0
    assert cached[2] == 0


def test_running_lanes_stay_side_by_side(engine: Engine, watch: Watch) -> None:
    """llama.cpp computes lanes with a gap between them one after the other."""
    listener = Listener(engine)
    watch.hold()
    for number in range(8):
        listener.submit(job(f"{number} writes", max_tokens=4 + 3 * number), number)
    watch.let_go()
    listener.until_end()
    expected = {number: listener.heard[number].text for number in range(8)}
    for step in watch.steps:
        lanes = [seen.lane for seen in step]
        assert lanes == list(range(lanes[0], lanes[0] + len(lanes)))
    again = {
        number: write(engine, job(f"{number} writes", max_tokens=4 + 3 * number))[0].text
        for number in range(8)
    }
    assert again == expected
