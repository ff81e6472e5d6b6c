"""Publishing under load: how soon every web process decides by the new version, and whether any
request ever sees parts of two."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks import kora, processes, suite
from benchmarks.overhead import Bar

if TYPE_CHECKING:
    from benchmarks.routing.bench import Given

Found = dict[str, Any]
REQUESTS = 10_000
AT_ONCE = 1_000
VERSIONS = 8
BETWEEN_S = 1.5
"""From one version to the next, so that each has been in force everywhere."""
SECOND = 1.0
START_S = 60.0
PATIENCE = aiohttp.ClientTimeout(total=60)
READ_BACK = 50
"""Receipts that are read again, to see which rules held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A running KORA: its web processes, and keys to ask and to publish with."""

    urls: Sequence[str]
    key: str
    admin_key: str

    @property
    def asking(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    @property
    def managing(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.admin_key}"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one answer said of the version that made it, in each of its parts."""

    process: int
    began_s: float
    status: int
    number: int
    parts: tuple[str, ...]
    """The version by the rule's name, and by its text."""
    request_id: str


@dataclass(kw_only=True, slots=True)
class Watched:
    """All answers, and when which version was published under which number."""

    answers: list[Seen] = field(default_factory=list)
    published: dict[int, tuple[str, float]] = field(default_factory=dict)
    """By number: the version, and when publishing had returned."""
    held: list[tuple[str, list[str]]] = field(default_factory=list)
    """Of some receipts, the version that answered and the rules that held."""

    @property
    def mixtures(self) -> list[Seen]:
        """Answers whose parts do not all come from the version that their number names."""
        return [seen for seen in self.answers if seen.status != 200 or not self._is_whole(seen)]

    def _is_whole(self, seen: Seen) -> bool:
        version, _ = self.published.get(seen.number, ("", 0.0))
        return bool(version) and set(seen.parts) == {version}

    @property
    def mixed_receipts(self) -> int:
        return sum(held != [f"mark-{version}", f"say-{version}"] for version, held in self.held)

    def late_s(self) -> list[float]:
        """By version, how long after publishing the last request began that an older one decided,
        whichever process it was."""
        found = []
        for number, (_, at_s) in self.published.items():
            old = [a.began_s - at_s for a in self.answers if a.number < number]
            found.append(max([0.0, *old]))
        return found[1:]


async def watch(place: Place, *, requests: int, at_once: int, versions: int) -> Watched:
    """Asks all processes all the time, while versions follow each other."""
    watched, stop = Watched(), asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=PATIENCE) as session:
        number = await _publish(session, place, "0")
        watched.published[number] = ("0", time.perf_counter())
        await asyncio.sleep(BETWEEN_S)
        askers = [
            asyncio.create_task(
                _ask_on(session, place, each, watched, stop, -(-requests // at_once))
            )
            for each in range(at_once)
        ]
        for version in map(str, range(1, versions + 1)):
            number = await _publish(session, place, version)
            watched.published[number] = (version, time.perf_counter())
            await asyncio.sleep(BETWEEN_S)
        stop.set()
        await asyncio.gather(*askers)
        await _read_back(session, place, watched)
    return watched


async def _ask_on(
    session: aiohttp.ClientSession,
    place: Place,
    asker: int,
    watched: Watched,
    stop: asyncio.Event,
    least: int,
) -> None:
    """At least so often, and as long as versions follow each other."""
    asked = 0
    while asked < least or not stop.is_set():
        process = (asker + asked) % len(place.urls)
        watched.answers.append(await _ask(session, place, process))
        asked += 1


async def _ask(session: aiohttp.ClientSession, place: Place, process: int) -> Seen:
    body = {"model": "auto", "messages": [{"role": "user", "content": "Which version?"}]}
    began_s = time.perf_counter()
    url = f"{place.urls[process]}/v1/chat/completions"
    async with session.post(url, json=body, headers=place.asking) as answer:
        told = await answer.json()
        said = told["choices"][0]["message"]["content"] if answer.status == 200 else ""
        reason = answer.headers.get("x-kora-reason", "")
        return Seen(
            process=process,
            began_s=began_s,
            status=answer.status,
            number=int(answer.headers.get("x-kora-policy", 0)),
            parts=(reason.removeprefix("rule:say-"), said.removeprefix("version ")),
            request_id=answer.headers.get("x-kora-request-id", ""),
        )


async def _publish(session: aiohttp.ClientSession, place: Place, version: str) -> int:
    """Other rules of other names, all at once; returns the number that they got."""
    old = await _api(session, place, "GET", "rules/")
    for rule in old["results"]:
        await _api(session, place, "DELETE", f"rules/{rule['id']}/")
    goes_on = {"avoid": [f"backend-{version}"], "continue": True}
    for name, then in (("mark", goes_on), ("say", {"reply": f"version {version}"})):
        rule = {"name": f"{name}-{version}", "when": {}, "then": then}
        await _api(session, place, "POST", "rules/", rule)
    listed = await _api(session, place, "GET", "policies/?state=draft&everyone=false")
    draft = listed["results"][0]["id"]
    made = await _api(session, place, "POST", f"policies/{draft}/publish/", {})
    return int(made["number"])


async def _read_back(session: aiohttp.ClientSession, place: Place, watched: Watched) -> None:
    whole = [seen for seen in watched.answers if seen.status == 200]
    for seen in whole[:: max(1, len(whole) // READ_BACK)]:
        url = f"{place.urls[0]}/v1/requests/{seen.request_id}"
        async with session.get(url, headers=place.asking) as answer:
            held = (await answer.json())["receipt"]["rules"]["held"]
            watched.held.append((seen.parts[0], held))


async def _api(
    session: aiohttp.ClientSession,
    place: Place,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> Any:
    url = f"{place.urls[0]}/api/{path}"
    async with session.request(method, url, json=body, headers=place.managing) as answer:
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
        return None if answer.status == 204 else await answer.json()


@contextlib.contextmanager
def another_web(home: Path, log: Path) -> Iterator[str]:
    """A second web process beside a running KORA, on the same Postgres and Redis."""
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("ab") as output:
        port = listening.getsockname()[1]
        others = {name: value for name, value in os.environ.items() if name[:5] != "KORA_"}
        process = subprocess.Popen(
            [sys.executable, "-m", "kora_site.up.web", str(listening.fileno())],
            cwd=processes.ROOT,
            env={**others, "KORA_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
        )
        try:
            _wait_until_it_answers(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            processes.end(process)


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Its socket is open from the start; asking it would wait for a process that has ended."""
    ends_s = time.monotonic() + START_S
    while time.monotonic() < ends_s and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
    raise SystemExit(f"The second web process does not answer:\n{processes.tail(log)}")


def measure(given: Given) -> Found:
    requests = given.options.requests or REQUESTS
    with contextlib.ExitStack() as stack:
        folder = suite.folder(stack, keep=False)
        running = stack.enter_context(kora.serving(folder, backends=()))
        second = stack.enter_context(another_web(kora.home_in(folder), folder / "second.log"))
        place = Place(urls=(running.url, second), key=running.key, admin_key=running.admin_key)
        at_once = min(AT_ONCE, requests)
        watched = asyncio.run(watch(place, requests=requests, at_once=at_once, versions=VERSIONS))
    late = watched.late_s()
    return {
        "requests": len(watched.answers),
        "at_once": at_once,
        "processes": len(place.urls),
        "versions": VERSIONS,
        "mixtures": len(watched.mixtures) + watched.mixed_receipts,
        "receipts_read": len(watched.held),
        "late_s": late,
    }


def table(found: Found) -> str:
    late = ", ".join(f"{each:.3f}" for each in found["late_s"])
    return (
        f"{found['requests']} requests, {found['at_once']} at a time, over {found['processes']} "
        f"web processes, while {found['versions']} versions were published\n"
        f"answers and receipts made of two versions: {found['mixtures']}\n"
        f"seconds after publishing until no request began that an older one decided: {late}"
    )


def bars(found: Found) -> list[Bar]:
    return [
        Bar(text="publishing: answers made of two versions", value=found["mixtures"],
            bound=0, at_most=True),
        Bar(text="publishing: seconds until every web process decides by the new version",
            value=round(max(found["late_s"]), 3), bound=SECOND, at_most=True),
    ]  # fmt: skip
