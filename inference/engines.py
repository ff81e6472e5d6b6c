"""All engines behind one door, made when first needed and closed together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from inference import cloud, passthrough, sandbox
from inference.local.words import Gauges
from inference.words import Engine, EngineError, Failure, Target


@runtime_checkable
class Host(Protocol):
    """An engine that keeps models in memory itself, and says how busy they are."""

    async def load(self, target: Target) -> None:
        """Ahead of the first call; raises EngineError if the model cannot be loaded."""

    def gauges(self) -> Sequence[Gauges]: ...


def _local() -> Engine:
    """llama.cpp is loaded by processes that run local models, and by no other."""
    from inference.local.local import Local

    return Local()


KINDS: Mapping[str, Callable[[], Engine]] = {
    "sandbox": sandbox.Sandbox,
    "openai-compatible": passthrough.Passthrough,
    "cloud": cloud.Cloud,
    "local": _local,
}


class Engines:
    """One set for each event loop."""

    def __init__(self) -> None:
        self._open: dict[str, Engine] = {}

    def for_kind(self, kind: str) -> Engine:
        if kind not in KINDS:
            raise EngineError(Failure.CLIENT, f"no engine of kind {kind!r}")
        if kind not in self._open:
            self._open[kind] = KINDS[kind]()
        return self._open[kind]

    def warm(self) -> threading.Thread:
        """Imports LiteLLM aside, which takes seconds; a call that comes earlier waits for it."""
        thread = threading.Thread(target=cloud.library, name="import-litellm", daemon=True)
        thread.start()
        return thread

    async def load(self, target: Target) -> None:
        engine = self.for_kind(target.kind)
        if isinstance(engine, Host):
            await engine.load(target)

    def gauges(self) -> list[Gauges]:
        """Of every model that is loaded here, or was meant to be."""
        hosts = [engine for engine in self._open.values() if isinstance(engine, Host)]
        return [said for host in hosts for said in host.gauges()]

    async def close(self) -> None:
        engines = list(self._open.values())
        self._open.clear()
        for engine in engines:
            await engine.close()


def open_engines() -> Engines:
    return Engines()
