"""Seconds of processor time that an engine's steps cost."""

from __future__ import annotations

import time


class Meter:
    """Of the engine's own thread, and while llama.cpp computes as many times over as it has
    threads there, which all work or wait together. Unlike the clock on the wall this stands still
    while others have the core. With layers on a GPU the time on the wall counts instead."""

    def __init__(self, *, on_gpu: bool) -> None:
        self._on_gpu = on_gpu
        self._spent_s = self._thread_s = self._wall_s = 0.0

    def begin(self) -> None:
        """On the thread whose time is measured."""
        self._thread_s = time.thread_time()

    def start(self) -> None:
        """llama.cpp computes from here on."""
        self._count(1)
        self._wall_s = time.perf_counter()

    def stop(self, threads: int) -> float:
        """How long it did, on the wall."""
        wall_s = time.perf_counter() - self._wall_s
        if self._on_gpu:
            self._spent_s += wall_s
            self.begin()
        else:
            self._count(threads)
        return wall_s

    def take(self) -> float:
        spent_s, self._spent_s = self._spent_s, 0.0
        return spent_s

    def _count(self, times: int) -> None:
        now = time.thread_time()
        self._spent_s += (now - self._thread_s) * times
        self._thread_s = now
