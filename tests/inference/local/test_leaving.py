"""Cancelled, failed, closed: whoever leaves leaves nothing behind, and everybody is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.local.engine import Engine
from inference.local.words import Sampling, Settings
from inference.words import EngineError, Failure
from tests.inference.local.listening import Listener, Watch, idle, job, write

UNWRITTEN = dict.fromkeys((257, 258, 259), -100.0)


def test_a_cancelled_job_is_in_no_further_step(watched: Engine, watch: Watch) -> None:
    listener = Listener(watched)
    bias = Sampling(temperature=0, logit_bias=UNWRITTEN)
    ticket = listener.submit(job("goes", sampling=bias, max_tokens=900), "goes")
    listener.submit(job("stays", sampling=bias, max_tokens=40), "stays")
    listener.until_text("goes")
    watch.hold()
    watch.reached()
    ticket.cancel()
    before = len(watch.steps)
    watch.let_go()
    listener.until_end()
    assert any(seen.prompt.startswith("goes") for seen in watch.steps[before])
    after = [seen.prompt[:5] for step in watch.steps[before + 1 :] for seen in step]
    assert set(after) == {"stays"}
    assert listener.heard["goes"].ended.finish == "cancelled"
    assert listener.heard["stays"].ended.completion_tokens == 40


def test_a_waiting_job_can_be_cancelled(watched: Engine, watch: Watch) -> None:
    watch.hold()
    listener = Listener(watched)
    for number in range(4):
        listener.submit(job(f"{number}"), number)
    watch.reached()
    ticket = listener.submit(job("never runs"), "waiting")
    ticket.cancel()
    watch.let_go()
    listener.until_end()
    assert listener.heard["waiting"].ended.completion_tokens == 0
    assert not any(seen.prompt.startswith("never") for step in watch.steps for seen in step)


def test_a_hundred_cancels_leave_nothing(watched: Engine) -> None:
    bias = Sampling(temperature=0.7, seed=1, logit_bias=UNWRITTEN)
    for number in range(100):
        listener = Listener(watched)
        ticket = listener.submit(job(f"{number} x", sampling=bias, max_tokens=1000))
        if number % 2:
            listener.until_text()
        ticket.cancel()
        listener.until_end()
        assert listener.heard[0].ended.finish == "cancelled"
    assert idle(watched)
    write(watched, job("and it still writes"))


def test_a_failing_step_fails_its_jobs_and_no_others(watched: Engine, watch: Watch) -> None:
    jobs = [job(f"{number} fails", max_tokens=20) for number in range(3)]
    expected = [write(watched, one)[0].text for one in jobs]
    watch.failing.add(len(watch.steps) + 1)
    for heard in write(watched, *jobs):
        assert heard.error.failure is Failure.SERVER
    again = write(watched, *jobs)
    assert [heard.text for heard in again] == expected
    assert {heard.ended.cached_tokens for heard in again} == {0}


def test_a_break_of_the_thread_tells_everybody(watched: Engine, watch: Watch) -> None:
    watch.hold()
    listener = Listener(watched)
    for number in range(6):
        listener.submit(job(f"{number}"), number)
    watch.reached()
    watch.raising.add(0)
    watch.let_go()
    listener.until_end()
    assert {heard.error.failure for heard in listener.heard.values()} == {Failure.SERVER}
    assert watched.gauges().state == "failed"
    with pytest.raises(EngineError, match="told to break"):
        listener.submit(job("too late"), "late")


def test_a_listener_that_fails_does_not_harm_the_others(watched: Engine) -> None:
    def broken(_: object) -> None:
        raise ValueError("no ears")

    watched.submit(job("heard by nobody"), 0, broken)
    assert write(watched, job("heard"))[0].ended.completion_tokens


def test_close_fails_what_is_not_done(tiny_model: Path) -> None:
    started = Engine(tiny_model, Settings(slots=1, threads=1), name="tiny")
    listener = Listener(started)
    bias = Sampling(temperature=0, logit_bias=UNWRITTEN)
    for number in range(3):
        listener.submit(job("x", sampling=bias, max_tokens=2000), number)
    listener.until_text(0)
    started.close()
    listener.until_end()
    assert {heard.error.failure for heard in listener.heard.values()} == {Failure.SERVER}
    assert started.gauges().state == "closed"
    with pytest.raises(EngineError, match="closed"):
        listener.submit(job("x"))
