"""The engine of kind `local`: a chat body becomes jobs of a model in memory, and they an answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn, TypeVar

from inference.local import options
from inference.local.residents import Inbox, Open, Resident, Residents, Seat, open_engine
from inference.local.running import Ticket
from inference.local.words import Gauges, Job, Sampling, Told
from inference.store import models
from inference.store.errors import ModelError
from inference.talk import asking, tools
from inference.talk.answers import Answer, Choice
from inference.talk.asking import Asked
from inference.talk.errors import UnusableSchemaError
from inference.talk.tools import Reader
from inference.timing import Clock
from inference.words import Call, Completion, Delta, EngineError, Event, Failure, Target

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    tokens: tuple[int, ...]
    sampling: Sampling


class Local:
    """Models are found in the store by the backend's `model`, and loaded when first wanted."""

    def __init__(self, *, memory_bytes: int = 0, opening: Open = open_engine) -> None:
        self._residents = Residents(memory_bytes=memory_bytes, opening=opening)

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        asked = asking.read(call.body, call.form)
        if asked.sampling.grammar and call.body.get("grammar"):
            _must_take_grammars(target)
        clock = Clock(target.timeouts, call)
        resident = await _in_time(self._taken(target), clock)
        try:
            _must_hold(resident, asked.n)
            prompt = await _in_time(_prepared(resident, asked), clock)
            answer = Answer(target.name, [_choice(n, resident, asked) for n in range(asked.n)])
            with _submitted(resident, _jobs(prompt, resident, asked, call)) as inbox:
                while not answer.done:
                    number, told = await _next(inbox, clock)
                    deltas = _taken_in(answer, number, told)
                    if call.stream:
                        clock.content()  # a call of a tool is long written before it is shown
                        for delta in deltas:
                            yield delta
        finally:
            resident.leave()
        body = {} if call.stream else answer.body
        yield Completion(body=body, usage=answer.usage, finish_reason=answer.choices[0].finish)

    async def load(self, target: Target) -> None:
        """Ahead of the first call."""
        (await self._taken(target)).leave()

    def gauges(self) -> list[Gauges]:
        return self._residents.gauges()

    async def close(self) -> None:
        await self._residents.close()

    async def _taken(self, target: Target) -> Resident:
        settings = options.settings(target.options)
        try:
            model = await asyncio.to_thread(models.find, target.model)
        except ModelError as error:
            raise EngineError(Failure.SERVER, str(error)) from error
        return await self._residents.take(model, settings)


def _must_take_grammars(target: Target) -> None:
    if not options.takes_grammars(target.options):
        why = "its operator has not set the option grammars"
        _cannot("grammar", f"is not taken by {target.name}: {why}")


def _must_hold(resident: Resident, choices: int) -> None:
    """More at once than fit into an empty queue would be told to come again for ever."""
    settings, name = resident.engine.settings, resident.engine.name
    most = settings.slots + settings.waiting
    if choices > most:
        _cannot("n", f"must be at most {most} for {name}: it takes no more at a time")


def _cannot(field: str, why: str) -> NoReturn:
    raise EngineError(Failure.UNSUPPORTED, f"{field} {why}", status=400, param=field)


async def _in_time(pending: Awaitable[T], clock: Clock) -> T:
    try:
        async with asyncio.timeout_at(clock.until):
            return await pending
    except TimeoutError:
        raise EngineError(Failure.TIMEOUT, f"no {clock.waiting_for} in time") from None


async def _next(inbox: Inbox, clock: Clock) -> tuple[int, Told]:
    try:
        return inbox.get_nowait()
    except asyncio.QueueEmpty:
        return await _in_time(inbox.get(), clock)


async def _prepared(resident: Resident, asked: Asked) -> Prompt:
    """Long conversations take a while to write down: that is done on a thread, which keeps the
    model in memory until it is through, even when its caller has gone."""
    work = asyncio.create_task(asyncio.to_thread(_prompt, resident.enter(), asked))
    work.add_done_callback(lambda done: _left(done, resident))
    return await asyncio.shield(work)


def _left(done: asyncio.Task[Prompt], resident: Resident) -> None:
    resident.leave()
    if not done.cancelled():
        done.exception()  # heard, also when nobody waits any more


@contextlib.contextmanager
def _submitted(resident: Resident, jobs: Iterable[Job]) -> Iterator[Inbox]:
    """However this is left, none of the jobs goes on."""
    inbox: Inbox = asyncio.Queue()
    tickets: list[Ticket] = []
    try:
        for number, job in enumerate(jobs):
            seat = Seat(inbox, number)
            tickets.append(resident.engine.submit(job, seat, resident.post.tell))
        yield inbox
    finally:
        for ticket in tickets:
            ticket.cancel()


def _taken_in(answer: Answer, number: int, told: Told) -> list[Delta]:
    if isinstance(told, EngineError):
        raise told
    return answer.take(number, told)


def _prompt(resident: Resident, asked: Asked) -> Prompt:
    chat, engine = resident.chat, resident.engine
    if asked.text:
        return Prompt(
            tokens=tuple(engine.tokenize(asked.text, begin=True)), sampling=asked.sampling
        )
    if asked.tools.offered and not chat.knows_tools:
        _cannot("tools", f"are unknown to the chat template of {engine.name}")
    tokens: list[int] = []
    for part in chat.parts(asked.messages, asked.tools.offered):
        tokens += engine.tokenize(part.text, special=part.control, begin=not tokens)
    forced = asked.tools.forced
    if not forced:
        return Prompt(tokens=tuple(tokens), sampling=asked.sampling)
    tokens += engine.tokenize(tools.beginning(chat.form), special=True)
    sampling = replace(asked.sampling, grammar=_forced(resident, asked))
    return Prompt(tokens=tuple(tokens), sampling=sampling)


def _forced(resident: Resident, asked: Asked) -> str:
    several = asked.tools.parallel and asked.tools.choice == "required"
    try:
        return tools.forced(
            resident.chat.form, asked.tools.forced, most=tools.MOST_CALLS if several else 1
        )
    except UnusableSchemaError as error:
        _cannot("tools", f"have parameters that cannot be forced: {error}")


def _choice(number: int, resident: Resident, asked: Asked) -> Choice:
    given = asked.tools
    reader = (
        Reader(resident.chat.form, given.names, forced=bool(given.forced))
        if given.offered
        else None
    )
    return Choice(index=number, reader=reader, logprobs=asked.logprobs is not None)


def _jobs(prompt: Prompt, resident: Resident, asked: Asked, call: Call) -> Iterator[Job]:
    """Alike but for their seeds: several answers from one seed should differ."""
    seed = prompt.sampling.seed
    for number in range(asked.n):
        own = None if seed is None else seed + number
        yield Job(
            tokens=prompt.tokens,
            max_tokens=asked.max_tokens or resident.engine.facts.context,
            stop=asked.stop if asked.text else (*asked.stop, *resident.chat.stops),
            sampling=replace(prompt.sampling, seed=own),
            logprobs=asked.logprobs,
            priority=call.priority,
            deadline=time.monotonic() + call.deadline_s,
            domain=call.domain,
        )
