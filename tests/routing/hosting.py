"""An engine of our own without llama.cpp: the sandbox's words behind a real bound."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Sequence

from inference import engines
from inference.local.words import Gauges
from inference.sandbox import Sandbox
from inference.talk import asking
from inference.words import Call, Completion, Engine, EngineError, Event, Failure, Target, Usage

COMPUTE_S = 0.5
WAIT_S = 7.0


class Hosted(Sandbox):
    """One slot for each model, nobody waits; `says` is what the gauges claim beside that."""

    def __init__(self, slots: int = 1, **says: float) -> None:
        super().__init__()
        self.slots = slots
        self.says = says
        self.state = "ready"
        self.loaded: list[str] = []
        self.calls: list[Call] = []
        self.running: dict[str, int] = {}

    async def load(self, target: Target) -> None:
        self.loaded.append(target.model)
        self.running.setdefault(target.model, 0)

    def gauges(self) -> Sequence[Gauges]:
        return [
            Gauges(model=model, state=self.state, slots=self.slots, running=running, **self.says)  # type: ignore[arg-type]
            for model, running in self.running.items()
        ]

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        asking.read(call.body, call.form)  # what the real one cannot do is refused here too
        running = self.running.setdefault(target.model, 0)
        if running >= self.slots:
            raise EngineError(Failure.SERVER, "no room", retry_after_s=WAIT_S)
        self.calls.append(call)
        self.running[target.model] = running + 1
        try:
            async for event in super().run(target, call):
                yield _measured(event) if isinstance(event, Completion) else event
        finally:
            self.running[target.model] -= 1


def _measured(done: Completion) -> Completion:
    usage = Usage(
        prompt_tokens=done.usage.prompt_tokens,
        completion_tokens=done.usage.completion_tokens,
        compute_s=COMPUTE_S,
    )
    return Completion(body=done.body, usage=usage, finish_reason=done.finish_reason)


class Engines(engines.Engines):
    """One host for every kind."""

    def __init__(self, host: Hosted) -> None:
        super().__init__()
        self._open: dict[str, Engine] = {"local": host}

    def warm(self) -> threading.Thread:
        return threading.current_thread()
