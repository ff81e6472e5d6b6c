"""The one door to LiteLLM: for providers whose protocol must be translated."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import threading
import warnings
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp

from inference import chunks, cloud_vectors, failures, terms
from inference.timing import Clock
from inference.words import Body, Call, Delta, EngineError, Event, Failure, Target

ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import fetches prices from the network
    "LITELLM_MODE": "PRODUCTION",  # else the import reads a .env file into our environment
    "LITELLM_LOG": "ERROR",
}

# What LiteLLM takes as an argument of its own. Anything else a client writes into a body goes to
# the provider as it is, and can never become one of LiteLLM's switches (api_base, mock_response…).
PARAMETERS = frozenset(
    {
        "messages",
        "temperature",
        "top_p",
        "n",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "user",
        "response_format",
        "seed",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "functions",
        "function_call",
        "reasoning_effort",
        "modalities",
        "audio",
        "prediction",
        "service_tier",
        "thinking",
        "top_k",
        "stream_options",
    }
)
NEVER_SENT = frozenset({"model", "stream", "extra_body", "azure_ad_token"})
# OpenAI's bookkeeping: no other provider knows it, and no answer depends on it.
BOOKKEEPING = frozenset(
    {"store", "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"}
)

LONGEST_CALL_S = 3600.0

_importing = threading.Lock()
_library: Any = None


def library() -> Any:
    """LiteLLM, with everything off that acts by itself. The import costs seconds."""
    global _library
    with _importing:
        if _library is None:
            os.environ.update(ENVIRONMENT)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecations inside LiteLLM's own modules
                import litellm

                litellm.ModelResponse()  # has pydantic build, and warn about, their schemas now
                litellm.ModelResponseStream()
            _quieten(litellm)
            _stay(litellm)
            _leave_prices_to_us()
            _leave_bodies_alone()
            _library = litellm
    return _library


def _quieten(litellm: Any) -> None:
    for hooks in ("callbacks", "success_callback", "failure_callback", "input_callback"):
        setattr(litellm, hooks, [])
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    litellm.disable_aiohttp_trust_env = True
    litellm.cache = None
    litellm.max_budget = 0.0
    litellm.num_retries = 0
    litellm.drop_params = False
    litellm.modify_params = False
    litellm.user_url_validation = True  # it fetches pictures for providers that cannot


def _stay(litellm: Any) -> None:
    """Whatever provider LiteLLM opens a client for, that client follows no redirect.

    There is no setting for it: LiteLLM's handler asks for redirects in its own default, and a
    redirect could lead the provider's key, or an answer from our own network, anywhere.
    """
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    create = AsyncHTTPHandler.create_client

    def create_staying(self: Any, *args: Any, **kwargs: Any) -> Any:
        client = create(self, *args, **kwargs)
        client.follow_redirects = False
        return client

    AsyncHTTPHandler.create_client = create_staying  # type: ignore[method-assign]
    litellm.module_level_aclient.client.follow_redirects = False


def _leave_prices_to_us() -> None:
    """KORA's price book says what a call costs; LiteLLM's own sum was a fifth of a call's CPU."""
    from litellm.litellm_core_utils.litellm_logging import Logging

    if not callable(Logging.response_cost_calculator):  # an upgrade moved it: say so at once
        raise TypeError("LiteLLM prices its calls elsewhere now")
    Logging.response_cost_calculator = _no_price  # type: ignore[method-assign]


def _leave_bodies_alone() -> None:
    """OpenAI's library walks every field of a body for words of its own, which JSON never has.

    At 0.2 ms for each message a long conversation would hold up every other call of this worker.
    """
    completions: Any = importlib.import_module("openai.resources.chat.completions.completions")
    if not callable(completions.async_maybe_transform):  # an upgrade moved it: say so at once
        raise TypeError("OpenAI's library transforms its bodies elsewhere now")
    omitted = (completions.Omit, completions.NotGiven)

    async def as_it_is(body: Any, _expected: Any) -> Any:
        return {name: value for name, value in body.items() if not isinstance(value, omitted)}

    completions.async_maybe_transform = as_it_is


def _no_price(*_args: Any, **_options: Any) -> None:
    return None


class Cloud:
    """Keeps nothing between calls but the sessions that LiteLLM holds."""

    def __init__(self) -> None:
        self._http: Any = None

    async def run(self, target: Target, call: Call) -> AsyncGenerator[Event, None]:
        litellm = _library or await asyncio.to_thread(library)
        await self._open(litellm)
        _skip_logging()
        clock = Clock(target.timeouts, call)
        if call.form == "embeddings":
            pending = litellm.aembedding(**cloud_vectors.asked(target, call))
            yield cloud_vectors.completion(await _awaited(pending, target, clock), target, call)
            return
        answer = await _awaited(litellm.acompletion(**_asked(target, call)), target, clock)
        if not call.stream:
            yield _completion(answer, target, call)
            return
        try:
            reading = chunks.Reading(call.body)
            while (piece := await _awaited(_next(answer), target, clock)) is not None:
                delta = _delta(reading, piece)
                if reading.finished and _made_up(answer, target):
                    break
                if delta is not None:
                    if delta.has_content:
                        clock.content()
                    yield delta
            if not reading.finished or _made_up(answer, target):
                raise EngineError(Failure.CUT, "the stream ended without a finish")
            done = reading.completion()
            yield done if _reported(answer) else replace(done, usage=reading.estimate())
        finally:
            await answer.aclose()

    async def close(self) -> None:
        if self._http is not None:
            litellm = library()
            litellm.aclient_session = None
            litellm.in_memory_llm_clients_cache.flush_cache()  # they hold this session
            await self._http.aclose()
            self._http = None
            with suppress(Exception):  # what LiteLLM left open dies with the loop
                await litellm.close_litellm_async_clients()

    async def _open(self, litellm: Any) -> None:
        """One HTTP session that follows no redirect and reads no proxy from the environment."""
        if self._http is None:
            import httpx  # comes with LiteLLM, wanted by nobody else
            from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), trust_env=False
            )
            self._http = httpx.AsyncClient(
                transport=LiteLLMAiohttpTransport(client=session),  # half the CPU of httpx's own
                follow_redirects=False,
                trust_env=False,
                timeout=LONGEST_CALL_S,
            )
            litellm.aclient_session = self._http


def _skip_logging() -> None:
    """In this task LiteLLM takes the call for one of its own and builds no log records of it."""
    from litellm._internal_context import is_internal_call

    is_internal_call.set(True)


async def _awaited(pending: Any, target: Target, clock: Clock) -> Any:
    try:
        async with asyncio.timeout_at(clock.until):
            return await pending
    except TimeoutError:
        raise EngineError(Failure.TIMEOUT, f"no {clock.waiting_for} in time") from None
    except Exception as error:  # noqa: BLE001 - LiteLLM lets anything out, its bugs too
        raise _failed(error, target) from None


def _made_up(answer: Any, target: Target) -> bool:
    """LiteLLM gives a stream that broke off a finish of its own; so it does with its mocks."""
    return not answer.received_finish_reason and "mock_response" not in target.options


def _reported(answer: Any) -> bool:
    """LiteLLM counts for itself what a provider did not report, and does not say so."""
    usages = [getattr(chunk, "usage", None) for chunk in answer.chunks]
    return any(usage.total_tokens for usage in usages if usage)


async def _next(answer: Any) -> Any:
    try:
        return await anext(answer)
    except StopAsyncIteration:
        return None


def _delta(reading: chunks.Reading, piece: Any) -> Delta | None:
    try:
        return reading.take(_plain(piece))
    except chunks.MisshapenError:
        raise EngineError(Failure.MALFORMED, "a chunk is no chat completion") from None


def _completion(answer: Any, target: Target, call: Call) -> Event:
    body = _plain(answer)
    body["model"] = target.model
    if not (body.get("usage") or {}).get("total_tokens"):
        body.pop("usage", None)  # LiteLLM writes zeros for what was not reported
    for choice in body.get("choices", ()):
        choice.get("message", {}).setdefault("content", None)
    try:
        return chunks.completion(body, asked=call.body)
    except chunks.MisshapenError:
        raise EngineError(Failure.MALFORMED, "the answer is no chat completion") from None


def _plain(answer: Any) -> Body:
    # Its models hold values of other types than they declare, of which pydantic would warn.
    body: Body = answer.model_dump(mode="json", exclude_none=True, warnings=False)
    for choice in body.get("choices", ()):
        choice.setdefault("finish_reason", None)
    return body


def _asked(target: Target, call: Call) -> dict[str, Any]:
    asked = {name: value for name, value in call.body.items() if name in PARAMETERS}
    extra = call.body.keys() - PARAMETERS - NEVER_SENT
    if not target.model.startswith(("openai/", "azure/")):
        extra -= BOOKKEEPING
    if call.stream:
        options = call.body.get("stream_options") or {}
        asked["stream_options"] = {**options, "include_usage": True}
    else:
        asked.pop("stream_options", None)
    if extra:
        asked["extra_body"] = {name: call.body[name] for name in sorted(extra)}
    fixed = {"stream": call.stream, **terms.of(target, call)}
    return asked | fixed | _mocked(target.options)


def _mocked(options: Mapping[str, Any]) -> dict[str, Any]:
    """LiteLLM can answer without a provider; only the operator may ask for that, to measure."""
    mock = options.get("mock_response")
    return {"mock_response": mock} if mock is not None else {}


def _failed(error: Exception, target: Target) -> EngineError:
    if isinstance(error, EngineError):
        return error
    trouble = lineage(error)
    status = next((found for each in trouble if (found := _status(each))), 500)
    words = " ".join(_words(each) for each in trouble)
    failure = _failure(trouble, status, words)
    what = f"the provider failed ({type(error).__name__})"
    return EngineError(
        failure,
        failures.told(what, _said(trouble), failure=failure, secret=target.secret),
        retry_after_s=next(
            (s for each in trouble if (s := _retry_after_s(each)) is not None), None
        ),
        status=status,
    )


def lineage(error: BaseException) -> list[BaseException]:
    """LiteLLM wraps what happened, often twice; what counts lies anywhere in it."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        original = getattr(cause, "original_exception", None)
        cause = original if isinstance(original, BaseException) else cause.__cause__
        cause = cause or found[-1].__context__
    return found


def _failure(trouble: list[BaseException], status: int, words: str) -> Failure:
    names = [kind.__name__ for each in trouble for kind in type(each).__mro__]
    for name, failure in KINDS.items():
        if name in names:
            return failure
    if UNREADABLE.search(words):
        return Failure.MALFORMED
    if status == 500 and any(getattr(each, "body", None) for each in trouble):
        return failures.inside({"message": words}, secret="").failure
    if status == 500 and "MidStreamFallbackError" in names:
        return Failure.MALFORMED if MISREAD.intersection(names) else Failure.CUT
    return failures.classify(status, words)


def _status(error: BaseException) -> int:
    """The status of an answer; LiteLLM invents 500 where it never had one."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and status != 500 else 0


def _words(error: BaseException) -> str:
    body = getattr(error, "body", None)
    body = body if isinstance(body, dict) else {}
    return f"{body.get('code')} {body.get('type')} {error}"


def _retry_after_s(error: BaseException) -> float | None:
    headers = getattr(error, "litellm_response_headers", None)
    headers = headers or getattr(getattr(error, "response", None), "headers", None) or {}
    return failures.retry_after_now(headers)


def _said(trouble: list[BaseException]) -> str:
    """The provider's own sentence; LiteLLM's begin with its class names, sometimes twice."""
    for each in trouble:
        body = getattr(each, "body", None)
        if isinstance(body, dict) and isinstance(body.get("message"), str):
            return str(body["message"])
    return str(trouble[0]).rpartition("Exception - ")[2]


MISREAD = frozenset({"AttributeError", "TypeError", "KeyError"})
"""What LiteLLM stumbles with over a chunk that is none."""
UNREADABLE = re.compile("Error converting to valid response|Unable to get json response", re.I)
KINDS = {
    "ContextWindowExceededError": Failure.CONTEXT,
    "ContentPolicyViolationError": Failure.POLICY,
    "Timeout": Failure.TIMEOUT,
    "TimeoutException": Failure.TIMEOUT,
    "JSONDecodeError": Failure.MALFORMED,
    "UnicodeDecodeError": Failure.MALFORMED,
    "JSONSchemaValidationError": Failure.MALFORMED,
    "APIResponseValidationError": Failure.MALFORMED,
}
"""By the name of a class, or of one it derives from, of anything in an error's lineage."""
