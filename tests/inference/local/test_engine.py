from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from inference.local import library
from inference.local.engine import Engine
from inference.local.library import UnloadableError
from inference.local.words import Job, Sampling, Settings
from inference.words import EngineError, Failure
from tests.inference.local import tiny
from tests.inference.local.listening import Listener, Watch, idle, job, write

BEGIN = 256
END = 259
UNWRITTEN = {END: -100.0, 257: -100.0, 258: -100.0}
LONG = "It rains on Monday. " * 60


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[Engine]:
    """For tests that only ask what is written."""
    started = Engine(tiny_model, Settings(slots=4, threads=1), name="tiny")
    yield started
    started.close()


def spelled(text: str, **more: object) -> Job:
    """A job that a grammar makes write exactly this, byte by byte."""
    grammar = f"root ::= {json.dumps(text, ensure_ascii=False)}"
    return job("say: ", sampling=Sampling(temperature=0, grammar=grammar), max_tokens=99, **more)


# What it knows of the model.


def test_it_says_what_it_loaded(engine: Engine) -> None:
    facts = engine.facts
    assert (facts.context, facts.trained_context, facts.vocabulary) == (2048, 2048, 260)
    assert (facts.bos_text, facts.eos_text, facts.template) == (
        "<|begin|>",
        "<|end|>",
        tiny.TEMPLATE,
    )
    assert facts.parameters == tiny.SHAPE.parameters


def test_control_tokens_in_a_text_count_only_when_they_may(engine: Engine) -> None:
    assert engine.tokenize("<|turn|>", special=True) == [258]
    assert engine.tokenize("<|turn|>") == list(b"<|turn|>")


def test_the_first_token_is_put_before_a_prompt_once(engine: Engine) -> None:
    assert engine.tokenize("é", begin=True) == [BEGIN, *"é".encode()]
    assert engine.tokenize("<|begin|>a", special=True, begin=True) == [BEGIN, ord("a")]


def test_text_that_is_no_unicode_is_tokenized_all_the_same(engine: Engine) -> None:
    assert engine.tokenize("a\ud800b\x00c") == list(b"a?b\x00c")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and nothing else")
    with pytest.raises(UnloadableError, match=r"broken\.gguf"):
        Engine(path, Settings(), name="broken")


def test_a_model_that_makes_vectors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gguf"
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(UnloadableError, match="writes no text"):
        Engine(path, Settings(), name="vectors")


# What it writes.


def test_a_batch_writes_what_each_job_writes_alone(engine: Engine) -> None:
    jobs = [job(f"{number}: once upon a time", max_tokens=24) for number in range(4)]
    alone = [write(engine, one)[0].text for one in jobs]
    assert [heard.text for heard in write(engine, *jobs)] == alone
    assert len(set(alone)) > 1


def test_characters_of_many_tokens_come_whole(engine: Engine) -> None:
    said = "Grüße, 世界 🙂!"
    (heard,) = write(engine, spelled(said))
    assert [piece.text for piece in heard.pieces] == list(said)
    assert heard.ended.completion_tokens == len(said.encode()) + 1  # the one that ends it


def test_a_stop_string_over_tokens_ends_the_text_before_it(engine: Engine) -> None:
    (heard,) = write(engine, spelled("one two STOP three", stop=("STOP", "never")))
    assert heard.text == "one two "
    assert heard.ended.finish == "stop"
    assert heard.ended.completion_tokens == len("one two STOP")


def test_what_only_began_like_a_stop_string_is_said_in_the_end(engine: Engine) -> None:
    (heard,) = write(engine, spelled("one STO", stop=("STOP",)))
    assert (heard.text, heard.ended.finish) == ("one STO", "stop")


def test_bytes_that_are_no_text_never_break_an_answer(engine: Engine) -> None:
    bias = {0xE2: 100.0}
    wanted = job("x", sampling=Sampling(temperature=0, logit_bias=bias), max_tokens=3)
    (heard,) = write(engine, wanted)
    assert (heard.text, heard.ended.finish) == ("\ufffd\ufffd\ufffd", "length")


def test_the_end_token_ends_and_control_tokens_are_not_printed(engine: Engine) -> None:
    ended = job("x", sampling=Sampling(temperature=0, logit_bias={END: 100}))
    turns = job("x", sampling=Sampling(temperature=0, logit_bias={257: 100}), max_tokens=5)
    first, second = write(engine, ended, turns)
    assert (first.text, first.ended.finish, first.ended.completion_tokens) == ("", "stop", 1)
    assert (second.text, second.ended.finish, second.ended.completion_tokens) == ("", "length", 5)


def test_an_answer_ends_at_max_tokens_and_counts_its_tokens(engine: Engine) -> None:
    wanted = job("abc", sampling=Sampling(temperature=0, logit_bias=UNWRITTEN), max_tokens=7)
    (heard,) = write(engine, wanted)
    assert (heard.ended.finish, heard.ended.completion_tokens) == ("length", 7)
    assert heard.ended.prompt_tokens == 3
    assert heard.ended.compute_s > 0


def test_jobs_of_one_listener_come_in_one_call_a_step(engine: Engine) -> None:
    listener = Listener(engine)
    bias = Sampling(temperature=0, logit_bias=UNWRITTEN)
    for number in range(4):
        listener.submit(job(f"{number} a", sampling=bias, max_tokens=20), number)
    listener.until_end()
    assert listener.calls < 4 * 20 / 2


# What it refuses.


def test_a_prompt_beyond_the_context_is_refused_with_both_numbers(watched: Engine) -> None:
    with pytest.raises(EngineError, match=r"1536 tokens.*context of 1536") as caught:
        write(watched, job("x" * 1536))
    assert caught.value.failure is Failure.CONTEXT


def test_an_answer_fills_the_context_and_no_more(watched: Engine) -> None:
    bias = Sampling(temperature=0, logit_bias=UNWRITTEN)
    (heard,) = write(watched, job("x" * 1530, sampling=bias, max_tokens=500))
    assert (heard.ended.finish, heard.ended.completion_tokens) == ("length", 6)


@pytest.mark.parametrize(
    "wrong",
    [
        Job(tokens=(), max_tokens=5),
        Job(tokens=(5,), max_tokens=0),
        Job(tokens=(5, 260), max_tokens=5),
        Job(tokens=(-1,), max_tokens=5),
        Job(tokens=(5,), max_tokens=5, sampling=Sampling(grammar="root ::= nowhere")),
        Job(tokens=(5,), max_tokens=5, sampling=Sampling(grammar="root ::= root 'x'")),
    ],
)
def test_what_cannot_be_run_is_the_clients_fault(engine: Engine, wrong: Job) -> None:
    with pytest.raises(EngineError) as caught:
        write(engine, wrong)
    assert caught.value.failure is Failure.CLIENT
    assert idle(engine)


def test_one_more_than_may_wait_is_refused_with_the_wait(watched: Engine, watch: Watch) -> None:
    write(watched, job("some speed to be seen"))
    watch.hold()
    listener = Listener(watched)
    for number in range(6):
        listener.submit(job(f"{number}"), number)
    with pytest.raises(EngineError, match="queue full") as caught:
        listener.submit(job("one more"), "refused")
    assert caught.value.failure is Failure.SERVER
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 0
    watch.let_go()
    listener.until_end(*range(6))
    write(watched, job("there is room again"))


# Who goes first.


def test_a_long_prompt_does_not_stall_those_who_write(watched: Engine, watch: Watch) -> None:
    listener = Listener(watched)
    bias = Sampling(temperature=0, logit_bias=UNWRITTEN)
    listener.submit(job("short", sampling=bias, max_tokens=60), "writing")
    listener.until_text("writing")
    listener.submit(job(LONG), "long")
    listener.until_end()
    reading = [step for step in watch.steps if sum(seen.count for seen in step) > 20]
    assert len(reading) >= len(LONG) // 64
    assert all(sum(seen.count for seen in step) <= 64 + 4 for step in reading)
    assert sum(len(step) == 2 for step in reading) >= len(reading) - 1


def test_a_short_prompt_overtakes_a_long_one(watched: Engine, watch: Watch) -> None:
    watch.hold()
    listener = Listener(watched)
    listener.submit(job(LONG), "long")
    watch.reached()
    listener.submit(job("a short one"), "short")
    watch.let_go()
    listener.until_text("short")
    assert len(watch.steps) <= 4
    assert not listener.heard["long"].pieces
    listener.until_end()


def test_the_higher_priority_gets_the_next_slot(watched: Engine, watch: Watch) -> None:
    watch.hold()
    listener = Listener(watched)
    for number in range(4):
        listener.submit(job(f"{number} runs", max_tokens=4), number)
    watch.reached()
    listener.submit(job("ordinary", max_tokens=4), "ordinary")
    listener.submit(job("urgent", max_tokens=4, priority=1), "urgent")
    watch.let_go()
    listener.until_end()
    prompts = [seen.prompt[:6] for step in watch.steps for seen in step]
    assert prompts.index("urgent") < prompts.index("ordina")


def test_a_job_beyond_its_deadline_fails_and_leaves(watched: Engine, watch: Watch) -> None:
    watch.hold()
    listener = Listener(watched)
    late = time.monotonic() + 0.02
    for number in range(4):
        listener.submit(job(LONG[number:], deadline=late, max_tokens=500), number)
    watch.reached()
    listener.submit(job("waits", deadline=late), "waiting")
    while time.monotonic() < late:
        time.sleep(0.005)
    watch.let_go()
    listener.until_end()
    assert {heard.error.failure for heard in listener.heard.values()} == {Failure.TIMEOUT}
    assert len(watch.steps) == 1
    assert idle(watched)


# What it says of itself.


def test_the_gauges_tell_who_runs_and_who_waits(watched: Engine, watch: Watch) -> None:
    write(watched, job(LONG))
    speeds = watched.gauges()
    assert speeds.prefill_tps > 0
    assert speeds.decode_tps > 0
    watch.hold()
    listener = Listener(watched)
    for number in range(5):
        listener.submit(job(f"{number}"), number)
    watch.reached()
    busy = watched.gauges()
    assert (busy.running, busy.waiting, busy.slots, busy.bound) == (4, 1, 4, 2)
    assert busy.wait_s > 0
    watch.let_go()
    listener.until_end()
    assert idle(watched)
    assert watched.gauges().wait_s == 0


def test_the_processor_time_of_steps_is_shared_by_tokens(watched: Engine) -> None:
    before = time.process_time()
    long, short = write(watched, job(LONG, max_tokens=2), job("short", max_tokens=2))
    assert 0 < short.ended.compute_s < long.ended.compute_s
    assert long.ended.compute_s + short.ended.compute_s <= time.process_time() - before


def test_gpu_layers_reach_the_loader(tiny_model: Path) -> None:
    assert library.model_params(Settings(gpu_layers=7)).n_gpu_layers == 7
    assert library.model_params(Settings(mmap=False, repack=False)).use_extra_bufts is False
