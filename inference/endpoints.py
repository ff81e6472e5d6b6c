"""How busy a model server of somebody else's is, read from what it tells its operators.

vLLM, llama-server and Ollama each say it in their own way. One bounded look, no redirect.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

TIMEOUT_S = 3.0
LONGEST = 4 << 20
SERVERS = ("vllm", "llama-server", "ollama")
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One backend's server, as this module needs it."""

    server: str
    api_base: str
    model: str
    secret: str = ""

    @property
    def root(self) -> str:
        """Metrics stand beside `/v1`, not below it."""
        return self.api_base.rstrip("/").removesuffix("/v1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """None where the server does not say; `trouble` is a sentence when it cannot answer."""

    running: int | None = None
    waiting: int | None = None
    trouble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One answer; status 0 when none came."""

    status: int
    body: bytes = b""

    @property
    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


NOBODY = Said(status=0)
SILENT = Reading(trouble="The server does not answer.")


async def read(session: aiohttp.ClientSession, place: Place) -> Reading:
    """Never raises: whatever goes wrong is the reading."""
    paths = PATHS[place.server]
    said = await asyncio.gather(*(_get(session, place, path) for path in paths))
    answers = dict(zip(paths, said, strict=True))
    if all(answer.status == 0 for answer in said):
        return SILENT
    return READERS[place.server](answers, place)


async def _get(session: aiohttp.ClientSession, place: Place, path: str) -> Said:
    headers = {"Authorization": f"Bearer {place.secret}"} if place.secret else {}
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            session.get(place.root + path, headers=headers, allow_redirects=False) as answer,
        ):
            return Said(status=answer.status, body=await _body(answer))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return NOBODY


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """What is longer than any such answer is cut off, and then understood as far as it goes."""
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > LONGEST:
            break
    return bytes(found[:LONGEST])


def of_vllm(answers: Mapping[str, Said], place: Place) -> Reading:
    """The engine is dead when `/health` is not 200; waiting requests are queued in the engine."""
    if answers["/health"].status != 200:
        return Reading(trouble=f"vLLM reports itself unwell ({answers['/health'].status}).")
    figures = metrics(answers["/metrics"], place.model)
    return Reading(
        running=figures.get("vllm:num_requests_running"),
        waiting=figures.get("vllm:num_requests_waiting"),
    )


def of_llama_server(answers: Mapping[str, Said], place: Place) -> Reading:
    """Metrics only with `--metrics`; slots are told without it and know no queue."""
    if answers["/health"].status == 503:
        return Reading(trouble="llama-server is still loading its model.")
    figures = metrics(answers["/metrics"], place.model)
    running = figures.get("llamacpp:requests_processing")
    if running is None:
        running = _busy_slots(answers["/slots"])
    return Reading(running=running, waiting=figures.get("llamacpp:requests_deferred"))


def of_ollama(answers: Mapping[str, Said], place: Place) -> Reading:
    """Ollama tells which models it has and which are in memory, not how many requests it runs."""
    known = _names(answers["/api/tags"])
    if known is not None and not _has(known, place.model):
        return Reading(trouble=f"Ollama has no model {place.model}: `ollama pull {place.model}`.")
    return Reading()


def metrics(said: Said, model: str) -> dict[str, int]:
    """Prometheus' text, summed by name; samples that name another model are left out."""
    found: dict[str, int] = {}
    if said.status != 200:
        return found
    for line in said.body.decode("utf-8", "replace").splitlines():
        sample = SAMPLE.match(line)
        if sample is None:
            continue
        labels = dict(LABEL.findall(sample.group(2) or ""))
        if labels.get("model_name", model) == model and (count := _count(sample.group(3))) >= 0:
            found[sample.group(1)] = found.get(sample.group(1), 0) + count
    return found


def _count(written: str) -> int:
    try:
        return min(int(float(written)), 1_000_000)
    except (ValueError, OverflowError):  # NaN, +Inf
        return -1


def _busy_slots(said: Said) -> int | None:
    slots = said.json if said.status == 200 else None
    if not isinstance(slots, list):
        return None
    return sum(1 for slot in slots if isinstance(slot, dict) and slot.get("is_processing") is True)


def _names(said: Said) -> set[str] | None:
    told = said.json if said.status == 200 else None
    models = told.get("models") if isinstance(told, dict) else None
    if not isinstance(models, list):
        return None
    each = [one for one in models if isinstance(one, dict)]
    return {str(one.get(name)) for one in each for name in ("name", "model")}


def _has(known: set[str], model: str) -> bool:
    """A name without a tag means `latest`."""
    return model in known or f"{model}:latest" in known


PATHS: Mapping[str, tuple[str, ...]] = {
    "vllm": ("/health", "/metrics"),
    "llama-server": ("/health", "/metrics", "/slots"),
    "ollama": ("/api/tags",),
}
READERS = {"vllm": of_vllm, "llama-server": of_llama_server, "ollama": of_ollama}


def check_options(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of an OpenAI-compatible backend, as sentences."""
    wrong = [f"{name} is no option; server is one." for name in options if name != "server"]
    if "server" in options and options["server"] not in SERVERS:
        wrong.append(f"server must be one of {', '.join(SERVERS)}.")
    return wrong
