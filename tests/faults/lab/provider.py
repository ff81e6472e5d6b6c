"""The scripted provider on loopback: its doors, its scripts by model, its log, its control.

    with provider.in_thread() as lab: ...                    # a loop of its own
    with provider.in_process() as lab: ...                   # a process of its own, for benches
    lab.play("some-model", *scripts.limited(2))              # 429 with Retry-After, then fine
    backend = {"model": "some-model", "api_base": lab.api_base("some-model")}

Each model has a path of its own, so that whoever asks for `/models` there asks about it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.faults.lab import entries, playing, scripts
from tests.faults.lab.entries import Entry
from tests.faults.lab.scripts import Manner, Script

ROOT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"
BODY_LIMIT = 64 * 1024 * 1024
STARTED_WITHIN_S = 30.0


class Provider:
    """The server; lives in one event loop."""

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.scripts: dict[str, Script] = {}
        self.played: Counter[tuple[str, str]] = Counter()
        self.probes: Counter[str] = Counter()
        self.doors = Doors(self._application())

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_post("/at/{model}/v1/chat/completions", self._chat)
        application.router.add_get("/at/{model}/v1/models", self._models)
        application.router.add_put("/lab/scripts/{model}", self._learn)
        application.router.add_put("/lab/doors/{door}", self._turn)
        application.router.add_get("/lab/log", self._tell)
        application.router.add_get("/lab/bill", self._bill)
        return application

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        at_s = time.monotonic()
        self.doors.entered(request)
        model, key = request.match_info["model"], _key(request)
        body = await request.json()
        script = self.scripts.get(model, Script())
        manner = self._next(model, key, script).for_bound(int(body.get("max_tokens") or 16))
        entry = entries.read(len(self.log), key=key, at_s=at_s, body=body, model=model)
        self.log.append(entry)
        try:
            return await playing.play(request, entry, manner)
        except (asyncio.CancelledError, ConnectionError):
            entry.left_at_s = time.monotonic()
            raise
        finally:
            entry.ended_at_s = time.monotonic()
            entry.bill(manner, script)

    def _next(self, model: str, key: str, script: Script) -> Manner:
        """A key with manners of its own counts its own requests."""
        manners = script.keys.get(key, script.manners)
        place = (model, key if key in script.keys else "")
        self.played[place] += 1
        return manners[min(self.played[place], len(manners)) - 1]

    async def _models(self, request: web.Request) -> web.Response:
        self.doors.entered(request)
        model = request.match_info["model"]
        self.probes[model] += 1
        status = self.scripts.get(model, Script()).models_status
        listed = {"object": "list", "data": [{"id": model, "object": "model"}]}
        return web.json_response(listed, status=status)

    # Control

    async def _learn(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        self.scripts[model] = scripts.unpack(await request.json())
        for place in [place for place in self.played if place[0] == model]:
            del self.played[place]
        return web.json_response({})

    async def _turn(self, request: web.Request) -> web.Response:
        port = await self.doors.turn(request.match_info["door"], (await request.json())["open"])
        return web.json_response({"port": port})

    async def _tell(self, request: web.Request) -> web.Response:
        model, since = request.query.get("model"), int(request.query.get("since", 0))
        told = [each.packed() for each in self.log[since:] if model in (None, each.model)]
        return web.json_response(told)

    async def _bill(self, _: web.Request) -> web.Response:
        """By model: what was asked of it, and the sum that it wants for that."""
        bills: dict[str, dict[str, Any]] = {}
        for each in self.log:
            bill = bills.setdefault(each.model, {"requests": 0, "open": 0, "usd": "0"})
            bill["requests"] += 1
            bill["open"] += each.ended_at_s is None
            bill["usd"] = str(Decimal(bill["usd"]) + Decimal(each.usd))
        for model, bill in bills.items():
            bill["probes"] = self.probes[model]
        return web.json_response(bills)


class Doors:
    """Ports of one server; a closed one refuses, and whoever was inside is put out."""

    def __init__(self, application: web.Application) -> None:
        # Handlers are cancelled when their client goes, which is how its leaving is noticed.
        self._runner = web.AppRunner(application, handler_cancellation=True, access_log=None)
        self._ports: dict[str, int] = {}
        self._sites: dict[str, web.TCPSite] = {}
        self._inside: dict[int, set[asyncio.Transport]] = {}

    async def open(self, door: str, port: int = 0) -> int:
        if not self._runner.addresses and not self._ports:
            await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._ports.get(door, port))
        await site.start()
        self._sites[door] = site
        self._ports[door] = int(site._server.sockets[0].getsockname()[1])  # type: ignore[union-attr]
        return self._ports[door]

    async def turn(self, door: str, is_open: bool) -> int:
        """Opens it, where it was before, or closes it; returns its port."""
        if is_open and door not in self._sites:
            return await self.open(door)
        if not is_open and door in self._sites:
            await self._sites.pop(door).stop()
            for transport in self._inside.pop(self._ports[door], set()):
                transport.abort()
        return self._ports[door]

    def entered(self, request: web.Request) -> None:
        transport = request.transport
        if transport is not None:
            port = int(transport.get_extra_info("sockname")[1])
            inside = self._inside.setdefault(port, set())
            inside.difference_update([each for each in inside if each.is_closing()])
            inside.add(transport)

    async def close(self) -> None:
        await self._runner.cleanup()


def _key(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The provider from outside: the same in a thread and in a process."""

    port: int

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    def api_base(self, model: str, *, port: int = 0) -> str:
        return f"http://{HOST}:{port or self.port}/at/{model}/v1"

    def play(self, model: str, *manners: Manner, **more: Any) -> None:
        """From now on, from the first manner; `more` are further fields of the script."""
        script = Script(manners=manners or (scripts.GOOD,), **more)
        self._call("PUT", f"/lab/scripts/{model}", scripts.pack(script))

    def door(self, name: str, *, is_open: bool = True) -> int:
        return int(self._call("PUT", f"/lab/doors/{name}", {"open": is_open})["port"])

    def log(self, model: str | None = None, *, since: int = 0) -> list[Entry]:
        query = f"?since={since}" + (f"&model={model}" if model else "")
        return [Entry(**each) for each in self._call("GET", f"/lab/log{query}")]

    def about(self, text: str) -> list[Entry]:
        """The requests with this text in their last message, in order, whatever the model."""
        return [each for each in self.log() if text in each.text]

    def bill(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._call("GET", "/lab/bill")
        return found

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(self.origin + path, body, headers, method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def in_thread() -> Iterator[Lab]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lab", daemon=True)
    thread.start()
    provider = Provider()
    port = asyncio.run_coroutine_threadsafe(provider.doors.open("main"), loop).result(10)
    try:
        yield Lab(port=port)
    finally:
        asyncio.run_coroutine_threadsafe(provider.doors.close(), loop).result(70)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def in_process() -> Iterator[Lab]:
    command = [sys.executable, "-m", "tests.faults.lab.provider"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Lab(port=int(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


async def _forever(port: int) -> None:
    provider = Provider()
    print(await provider.doors.open("main", port), flush=True)
    await asyncio.Event().wait()


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_forever(parser.parse_args(words).port))


if __name__ == "__main__":
    main()
