"""A server that is not ours, llama-cpp-python's, behaves as a backend of `openai-compatible`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import processes
from inference.passthrough import Passthrough
from inference.words import Call, Completion, Delta, EngineError, Event, Failure, Target
from tests.inference.local import tiny

KEY = "sk-peer-of-the-tests"
A, B = str(ord("A")), str(ord("B"))
ONLY_A: dict[str, Any] = {"temperature": 0, "logit_bias": {A: 100}}
"""What is written with random weights is noise; so biased, it is AAAA… on every machine."""
BOTH: dict[str, Any] = {"logit_bias": {A: 100, B: 100}, "frequency_penalty": 2}
"""A or B as it happens, and soon the other."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    port: int
    pid: int

    def target(self, secret: str = KEY) -> Target:
        return Target(
            name="peer",
            kind="openai-compatible",
            model="tiny",
            api_base=f"http://127.0.0.1:{self.port}/v1",
            secret=secret,
        )

    def busy_s(self) -> float:
        return sum(ms for _, ms in processes.cpu_ms([self.pid]).values()) / 1000


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Peer]:
    model, port = tiny.write(folder / "tiny.gguf"), processes.free_port()
    options = {
        "model": model,
        "host": "127.0.0.1",
        "port": port,
        "api_key": KEY,
        "n_ctx": tiny.SHAPE.context,
        "n_threads": 1,
        "n_threads_batch": 1,
        "interrupt_requests": False,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "llama_cpp.server", *words]
    with processes.running(command, port=port, log=folder / "peer.log") as process:
        yield Peer(port=port, pid=process.pid)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with serving(tmp_path_factory.mktemp("peer")) as served:
        yield served


@pytest.fixture
async def engine() -> AsyncIterator[Passthrough]:
    opened = Passthrough()
    yield opened
    await opened.close()


def call(*, stream: bool, prompt: str = "Say hello.", **body: Any) -> Call:
    messages = [{"role": "user", "content": prompt}]
    asked = {"model": "auto", "messages": messages, **ONLY_A, **body}
    return Call(body=asked, stream=stream, deadline_s=60)


def text(events: list[Event]) -> str:
    told = [event.chunk["choices"][0]["delta"] for event in events if isinstance(event, Delta)]
    return "".join(delta.get("content") or "" for delta in told)


async def failure(engine: Passthrough, to: Target, asked: Call) -> EngineError:
    with pytest.raises(EngineError) as raised:
        async for _ in engine.run(to, asked):
            pass
    return raised.value


async def test_a_whole_answer_and_what_the_peer_counted(engine: Passthrough, peer: Peer) -> None:
    (done,) = [event async for event in engine.run(peer.target(), call(stream=False, max_tokens=6))]
    assert isinstance(done, Completion)
    assert done.body["choices"][0]["message"]["content"] == "AAAAAA"
    assert done.finish_reason == "length"
    assert done.usage.completion_tokens == 6
    assert done.usage.prompt_tokens > len("Say hello.")
    assert not done.usage.estimated


async def test_a_stream_says_the_same_and_uncounted_usage_is_estimated(
    engine: Passthrough, peer: Peer
) -> None:
    asked = call(stream=True, max_tokens=6)
    events = [event async for event in engine.run(peer.target(), asked)]
    done = events[-1]
    assert isinstance(done, Completion)
    assert text(events) == "AAAAAA"
    assert done.finish_reason == "length"
    assert done.usage.estimated  # this server never sends the usage that it is asked for
    assert done.usage.completion_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stop_string_ends_the_answer_before_it(
    engine: Passthrough, peer: Peer, stream: bool
) -> None:
    asked = call(stream=stream, max_tokens=40, stop=["AB", "BA"], **BOTH)
    events = [event async for event in engine.run(peer.target(), asked)]
    done = events[-1]
    assert isinstance(done, Completion)
    written = text(events) if stream else done.body["choices"][0]["message"]["content"]
    assert done.finish_reason == "stop"
    assert set(written) < {"A", "B"}


async def test_a_prompt_that_is_too_long_is_the_contexts_fault(
    engine: Passthrough, peer: Peer
) -> None:
    error = await failure(engine, peer.target(), call(stream=False, prompt="a" * 3000))
    assert (error.failure, error.status) == (Failure.CONTEXT, 400)
    assert "2048 tokens" in error.message


async def test_in_a_stream_the_peer_looks_at_the_prompt_only_after_its_200(
    engine: Passthrough, peer: Peer
) -> None:
    error = await failure(engine, peer.target(), call(stream=True, prompt="a" * 3000))
    assert error.failure is Failure.CUT


async def test_a_wrong_key_is_the_keys_fault_and_never_repeated(
    engine: Passthrough, peer: Peer
) -> None:
    error = await failure(engine, peer.target("sk-wrong"), call(stream=True))
    assert (error.failure, error.status) == (Failure.KEY_PERMANENT, 401)
    assert "sk-wrong" not in error.message


async def test_what_the_peer_cannot_read_it_calls_its_own_fault(
    engine: Passthrough, peer: Peer
) -> None:
    """It answers 500 where others answer 400, with a path of its machine, which stays inside."""
    error = await failure(engine, peer.target(), call(stream=False, top_k="many"))
    assert (error.failure, error.status) == (Failure.SERVER, 500)
    assert ".py" not in error.message


async def test_a_stream_that_is_left_stops_the_peer(engine: Passthrough, peer: Peer) -> None:
    long, begun_s = call(stream=True, max_tokens=1500), peer.busy_s()
    whole = [event async for event in engine.run(peer.target(), long)]
    full_s, begun_s = peer.busy_s() - begun_s, peer.busy_s()
    async with aclosing(engine.run(peer.target(), long)) as events:
        async for event in events:
            if isinstance(event, Delta) and event.has_content:
                break
    # One call at a time: that this one is answered shows that the other is over.
    [event async for event in engine.run(peer.target(), call(stream=False, max_tokens=1))]
    assert len(text(whole)) == 1500
    assert peer.busy_s() - begun_s < full_s / 2


async def test_a_peer_that_dies_in_an_answer_cuts_it_and_is_a_servers_failure_after(
    engine: Passthrough, tmp_path: Path
) -> None:
    with serving(tmp_path) as peer:
        async with aclosing(
            engine.run(peer.target(), call(stream=True, max_tokens=1900))
        ) as events:
            await anext(events)
            os.kill(peer.pid, signal.SIGKILL)
            with pytest.raises(EngineError) as raised:
                async for _ in events:
                    pass
        assert raised.value.failure is Failure.CUT
        gone = await failure(engine, peer.target(), call(stream=False))
        assert gone.failure is Failure.SERVER
