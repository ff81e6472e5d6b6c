"""Servers of others, as scripted peers with the bodies that the real ones send."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web

from inference import endpoints
from inference.endpoints import Place, Reading, Said

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen/awq"} 5.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="qwen/awq"} 2.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="qwen/awq",reason="capacity"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="qwen/awq"} 0.41
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="qwen/awq"} 12.0
"""
LLAMA = """# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 4021
llamacpp:predicted_tokens_seconds 31.7
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 3
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 1
"""
SLOTS = json.dumps(
    [
        {"id": 0, "n_ctx": 4096, "speculative": False, "is_processing": True},
        {"id": 1, "n_ctx": 4096, "speculative": False, "is_processing": False},
    ]
)
LOADING = json.dumps({"error": {"code": 503, "message": "Loading model", "type": "unavailable"}})
NO_METRICS = json.dumps({"error": {"code": 501, "message": "This server does not support metrics"}})
TAGS = json.dumps(
    {
        "models": [
            {
                "name": "llama3.2:latest",
                "model": "llama3.2:latest",
                "size": 2019393189,
                "details": {"family": "llama", "quantization_level": "Q4_K_M"},
            }
        ]
    }
)
Script = Mapping[str, tuple[int, str]]


@contextlib.asynccontextmanager
async def serving(script: Script, seen: list[str] | None = None) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        if seen is not None:
            seen.append(request.headers.get("Authorization", ""))
        status, body = script.get(request.path, (404, "not found"))
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def reading(server: str, script: Script, model: str, **more: str) -> Reading:
    async with serving(script) as url, aiohttp.ClientSession() as session:
        place = Place(server=server, api_base=f"{url}/v1", model=model, **more)
        return await endpoints.read(session, place)


async def test_vllm_tells_running_and_waiting() -> None:
    script = {"/health": (200, ""), "/metrics": (200, VLLM)}
    assert await reading("vllm", script, "qwen/awq") == Reading(running=5, waiting=2)


async def test_long_metrics_are_read_to_their_end() -> None:
    long = "".join(f"vllm:filler_{number} 1.0\n" for number in range(60_000)) + VLLM
    script = {"/health": (200, ""), "/metrics": (200, long)}
    assert (await reading("vllm", script, "qwen/awq")).waiting == 2


async def test_another_models_figures_are_not_ours() -> None:
    script = {"/health": (200, ""), "/metrics": (200, VLLM)}
    assert await reading("vllm", script, "other") == Reading()


async def test_a_dead_vllm_engine_is_trouble() -> None:
    script = {"/health": (503, ""), "/metrics": (200, VLLM)}
    assert "unwell (503)" in (await reading("vllm", script, "qwen/awq")).trouble


async def test_llama_server_tells_its_queue_with_metrics_and_its_slots_without() -> None:
    well = {"/health": (200, '{"status":"ok"}'), "/slots": (200, SLOTS)}
    told = await reading("llama-server", {**well, "/metrics": (200, LLAMA)}, "m")
    assert told == Reading(running=3, waiting=1)
    told = await reading("llama-server", {**well, "/metrics": (501, NO_METRICS)}, "m")
    assert told == Reading(running=1)
    hidden = {"/health": (200, '{"status":"ok"}')}
    assert await reading("llama-server", hidden, "m") == Reading()


async def test_llama_server_that_loads_is_trouble() -> None:
    script = dict.fromkeys(("/health", "/metrics", "/slots"), (503, LOADING))
    assert "still loading" in (await reading("llama-server", script, "m")).trouble


@pytest.mark.parametrize("model", ["llama3.2", "llama3.2:latest"])
async def test_ollama_with_the_model_is_well(model: str) -> None:
    assert await reading("ollama", {"/api/tags": (200, TAGS)}, model) == Reading()


async def test_ollama_without_the_model_says_what_to_do() -> None:
    told = await reading("ollama", {"/api/tags": (200, TAGS)}, "mistral")
    assert "ollama pull mistral" in told.trouble


@pytest.mark.parametrize("server", endpoints.SERVERS)
async def test_a_server_that_is_away_is_trouble_and_no_exception(server: str) -> None:
    async with aiohttp.ClientSession() as session:
        place = Place(server=server, api_base="http://127.0.0.1:1/v1", model="m")
        assert await endpoints.read(session, place) == endpoints.SILENT


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "\x00\xff", '{"models": 5}', '{"models": [1]}', "a b c\n" * 50]
)
@pytest.mark.parametrize("server", endpoints.SERVERS)
async def test_nonsense_is_no_reading(server: str, body: str) -> None:
    script = dict.fromkeys(("/health", "/metrics", "/slots", "/api/tags"), (200, body))
    told = await reading(server, script, "m")
    assert told.waiting is None


async def test_redirects_are_not_followed_and_the_key_is_shown_to_its_server() -> None:
    seen: list[str] = []
    script = {"/health": (200, ""), "/metrics": (302, ""), "/elsewhere": (200, VLLM)}
    async with serving(script, seen) as url, aiohttp.ClientSession() as session:
        place = Place(server="vllm", api_base=f"{url}/v1/", model="qwen/awq", secret="hush")
        assert await endpoints.read(session, place) == Reading()
    assert seen == ["Bearer hush"] * 2


def test_figures_that_are_no_numbers_are_left_out() -> None:
    said = Said(status=200, body=b'a NaN\na{x="1"} 2\nb +Inf\nc 1e3\nd -4\ne{q="a\\"b"} 1')
    assert endpoints.metrics(said, "m") == {"a": 2, "c": 1000, "e": 1}


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, 0),
        ({"server": "vllm"}, 0),
        ({"server": "apache"}, 1),
        ({"server": ["vllm"]}, 1),
        ({"reply": "x"}, 1),
    ],
)
def test_options_are_checked(options: dict[str, object], wrong: int) -> None:
    assert len(endpoints.check_options(options)) == wrong
