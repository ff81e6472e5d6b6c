"""The cheapest honest HTTP/1.1 client: prebuilt bytes out, one scan of the answer in."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
TIER = re.compile(rb"\r\nx-kora-tier:[ \t]*([a-z-]+)", re.IGNORECASE)
OVERHEAD = re.compile(rb"\r\nx-kora-overhead-ms:[ \t]*([0-9.]+)", re.IGNORECASE)
LAST_CHUNK = b"0\r\n\r\n"


class Meter:
    """Counts answers; those before `warmup` are not measured."""

    def __init__(
        self, *, warmup: int, requests: int | None, seconds: float | None, tier: str
    ) -> None:
        self.warmup, self.requests, self.seconds, self.tier = warmup, requests, seconds, tier
        self.sent = self.answered = self.lanes = 0
        self.took_s: list[float] = []
        self.first_s: list[float] = []
        self.chunks = 0
        self.overhead_ms: list[float] = []
        self.tiers: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.began_s = self.ended_s = time.perf_counter()
        self.cpu_began_s = self.cpu_ended_s = time.process_time()
        self.done = asyncio.get_running_loop().create_future()

    def may_send(self) -> bool:
        if self.done.done() or self.errors.total() > 50:
            return False
        if self.requests is not None:
            return self.sent < self.warmup + self.requests
        limit_s = self.seconds or 1.0
        return self.answered < self.warmup or time.perf_counter() - self.began_s < limit_s

    def answer(self, took_s: float, head: bytes) -> bool:
        """Books one answer; False while warming up or when it was not the expected one."""
        self.answered += 1
        problem = self._problem(head)
        if problem:
            self.errors[problem] += 1
        if self.answered == self.warmup:
            self.began_s, self.cpu_began_s = time.perf_counter(), time.process_time()
        if problem or self.answered <= self.warmup:
            return False
        self.took_s.append(took_s)
        return True

    def _problem(self, head: bytes) -> str:
        status = head[9:12]
        if status != b"200":
            return f"status {status.decode('latin-1')}"
        if own := OVERHEAD.search(head):
            self.overhead_ms.append(float(own[1]))
        if not self.tier:
            return ""
        found = TIER.search(head)
        tier = found[1].decode() if found else "none"
        self.tiers[tier] += 1
        return "" if tier == self.tier else f"tier {tier} instead of {self.tier}"

    def close_lane(self) -> None:
        self.lanes -= 1
        if self.lanes == 0 and not self.done.done():
            self.finish()

    def finish(self) -> None:
        self.ended_s, self.cpu_ended_s = time.perf_counter(), time.process_time()
        self.done.set_result(None)


class Lane(asyncio.Protocol):
    """One keep-alive connection that sends its next request when the last is answered."""

    def __init__(self, meter: Meter, build: Callable[[], bytes]) -> None:
        self.meter, self.build = meter, build
        self.pending = b""
        self.transport: asyncio.Transport | None = None
        self.sent_s = 0.0
        meter.lanes += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self.send()

    def send(self) -> None:
        assert self.transport is not None
        if not self.meter.may_send():
            self.transport.close()
            return
        self.meter.sent += 1
        self.pending = b""
        request = self.build()
        self.sent_s = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.pending = self.pending + data if self.pending else data
        end = self.pending.find(b"\r\n\r\n")
        if end < 0 or not self.complete(end):
            return
        took_s = time.perf_counter() - self.sent_s
        self.meter.answer(took_s, self.pending[: end + 2])
        self.send()

    def complete(self, end: int) -> bool:
        length = LENGTH.search(self.pending, 0, end)
        if length:
            return len(self.pending) >= end + 4 + int(length[1])
        return self.pending.endswith(LAST_CHUNK)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or not self._closed_by_us():
            self.meter.errors["connection lost"] += 1
        self.meter.close_lane()

    def _closed_by_us(self) -> bool:
        return self.transport is not None and self.transport.is_closing()


class StreamLane(Lane):
    """A lane that reads server-sent events and times the first one."""

    first_s = 0.0
    events = 0
    head = b""
    tail = b""

    def data_received(self, data: bytes) -> None:
        if not self.head:
            self.pending += data
            end = self.pending.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head, data = self.pending[: end + 2], self.pending[end + 4 :]
        self._read(data)

    def _read(self, data: bytes) -> None:
        count = data.count(b"data: {")
        if count and not self.events:
            self.first_s = time.perf_counter() - self.sent_s
        self.events += count
        self.tail = (self.tail + data)[-64:]
        if self._ended():
            self._book()
            self.send()

    def _ended(self) -> bool:
        if not CHUNKED.search(self.head):
            return b"data: [DONE]" in self.tail or not self.head.startswith(b"HTTP/1.1 200")
        return self.tail.endswith(LAST_CHUNK)

    def _book(self) -> None:
        if self.meter.answer(time.perf_counter() - self.sent_s, self.head):
            self.meter.first_s.append(self.first_s)
            self.meter.chunks += self.events
            if b"data: [DONE]" not in self.tail:
                self.meter.errors["stream without [DONE]"] += 1
        self.head = self.tail = b""
        self.events = 0
