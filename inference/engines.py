"""All engines behind one door, made when first needed and closed together."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Mapping

from inference import cloud, passthrough, sandbox
from inference.words import Call, Engine, EngineError, Event, Failure, Target


class AbsentLocal:
    """Stands where llama.cpp will be."""

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        for event in self._events(target, call):
            yield event

    def _events(self, target: Target, _call: Call) -> list[Event]:
        raise EngineError(
            Failure.SERVER, f"this build has no local engine yet: {target.name} cannot answer"
        )

    async def close(self) -> None:
        return None


KINDS: Mapping[str, Callable[[], Engine]] = {
    "sandbox": sandbox.Sandbox,
    "openai-compatible": passthrough.Passthrough,
    "cloud": cloud.Cloud,
    "local": AbsentLocal,
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

    async def close(self) -> None:
        engines = list(self._open.values())
        self._open.clear()
        for engine in engines:
            await engine.close()


def open_engines() -> Engines:
    return Engines()
