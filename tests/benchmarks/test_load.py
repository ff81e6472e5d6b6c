"""The load generator tells the truth about an upstream whose manners are known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from benchmarks import load, mock_upstream, overhead, processes, suite


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[str]:
    manner = mock_upstream.Manner(tokens=16)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: mock_upstream.Upstream(manner), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.close()
    await server.wait_closed()


async def measure(url: str, *options: str) -> dict[str, Any]:
    return await load.run(load.arguments(["--url", url, "--limit", "20", *options]))


async def test_counts_what_was_asked_for_and_leaves_the_warm_up_out(upstream: str) -> None:
    found = await measure(
        f"{upstream}/chat/completions", "--requests", "100", "--warmup", "10", "--concurrency", "4"
    )
    assert (found["sent"], found["measured"], found["errors"]) == (110, 100, {})
    assert 0 < found["p50_ms"] <= found["p90_ms"] <= found["p99_ms"]


async def test_an_answer_of_another_status_or_tier_is_an_error_and_no_figure(upstream: str) -> None:
    missing = await measure(f"{upstream}/nowhere", "--requests", "20", "--warmup", "0")
    assert missing["measured"] == 0
    assert missing["errors"] == {"status 404": 20}
    untold = await measure(
        f"{upstream}/chat/completions", "--tier", "exact", "--requests", "5", "--warmup", "0"
    )
    assert untold["measured"] == 0
    assert untold["errors"] == {"tier none instead of exact": 5}


async def test_reads_streams_to_their_end(upstream: str) -> None:
    found = await measure(
        f"{upstream}/chat/completions", "--stream", "--requests", "6", "--warmup", "0"
    )
    assert (found["measured"], found["errors"]) == (6, {})
    assert found["chunks"] == 6 * (16 + 3)  # the role, the end and the usage come as chunks too
    assert found["first_p50_ms"] <= found["p50_ms"]


def test_unique_prompts_differ_and_keep_their_length() -> None:
    build = load.builder(load.arguments(["--url", "http://127.0.0.1:1/v1", "--unique"]))
    made = [build() for _ in range(50)]
    assert len(set(made)) == 50
    assert len({len(request) for request in made}) == 1


@pytest.mark.parametrize(
    ("p50_ms", "peer_ms", "verdict"),
    [(3.0, None, "pass"), (5.0, None, "MISS"), (5.0, 20.0, "pass"), (None, 20.0, "not measured")],
)
def test_own_overhead_is_judged_by_the_kinder_of_its_two_bounds(
    p50_ms: float | None, peer_ms: float | None, verdict: str
) -> None:
    cells: suite.Cells = {
        (overhead.DIRECT, 1): {"p50_ms": 0.1},
        (overhead.PASS, 1): {"p50_ms": p50_ms},
        (overhead.PROXY, 1): {"p50_ms": peer_ms},
    }
    assert overhead.own_overhead(cells).verdict == verdict


def test_cpu_is_summed_by_name_and_a_newborn_counts_whole() -> None:
    before = {1: ("web", 10.0), 2: ("postgres", 5.0)}
    after = {1: ("web", 30.0), 2: ("postgres", 6.0), 3: ("postgres", 4.0)}
    assert processes.spent_ms(before, after) == {"web": 20.0, "postgres": 5.0}
