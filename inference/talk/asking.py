"""What a chat body asks of a local model: every field that counts, checked; the rest is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from inference.local.words import Sampling
from inference.talk import grammar
from inference.talk.errors import UnusableSchemaError
from inference.words import Body, EngineError, Failure

MOST_CHOICES = 16
MOST_CHOICES_ANYWHERE = 128
"""Beyond it no other backend would take the request either."""
MOST_STOPS = 16
MOST_BIASES = 1024
LONGEST_STOP = 500
LONGEST_GRAMMAR = 100_000
MOST_BRACKETS = 1_000
"""Of a grammar: llama.cpp reads them recursively, and tens of thousands end the process."""
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
KEPT = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"})
"""Fields of a message that chat templates look at."""
FREE = ("none", "auto", "required")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    offered: tuple[Body, ...] = ()
    choice: str = "none"
    """`none`, `auto`, `required`, or the name of one that must be called."""
    parallel: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tool["function"]["name"] for tool in self.offered)

    @property
    def forced(self) -> tuple[Body, ...]:
        """The functions of which one must be called; none when the model may choose."""
        if self.choice in ("none", "auto"):
            return ()
        functions = [tool["function"] for tool in self.offered]
        return tuple(one for one in functions if self.choice in ("required", one["name"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    messages: tuple[Body, ...] = ()
    text: str = ""
    """To go on from as it stands; then there are no messages."""
    tools: Tools = field(default_factory=Tools)
    n: int = 1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    sampling: Sampling = field(default_factory=Sampling)


def read(body: Body, form: str = "chat") -> Asked:
    """Raises EngineError, which names the field."""
    fields = {name: value for name, value in body.items() if value is not None}
    if form not in ("chat", "text"):
        raise EngineError(Failure.SERVER, f"a model that writes text makes no {form}")
    is_text = form == "text"
    tools = Tools() if is_text else _tools(fields)
    written = _grammar(fields)
    if written and tools.choice != "none":
        field = "grammar" if fields.get("grammar") else "response_format"
        _cannot(field, "cannot stand beside tools here; set tool_choice to none")
    return Asked(
        messages=() if is_text else _messages(fields.get("messages")),
        text=_text(fields.get("prompt")) if is_text else "",
        tools=tools,
        n=_choices(fields),
        max_tokens=_max_tokens(fields),
        stop=_stop(fields.get("stop")),
        logprobs=_logprobs(fields),
        sampling=replace(_sampling(fields), grammar=written),
    )


def _refuse(field: str, why: str) -> NoReturn:
    """Wrong whoever is asked."""
    raise EngineError(Failure.CLIENT, f"{field} {why}", status=400, param=field)


def _cannot(field: str, why: str) -> NoReturn:
    """Local models have no way to do it; another backend may."""
    raise EngineError(Failure.UNSUPPORTED, f"{field} {why}", status=400, param=field)


# Numbers


def _number(fields: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not (math.isfinite(value) and low <= value <= high):
        _refuse(name, f"must be a number from {low:g} to {high:g}")
    return float(value)


def _whole(fields: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        _refuse(name, f"must be a whole number from {low} to {high}")
    return value


def _choices(fields: Mapping[str, Any]) -> int:
    wanted = _whole(fields, "n", 1, MOST_CHOICES_ANYWHERE) or 1
    if wanted > MOST_CHOICES:
        _cannot("n", f"must be at most {MOST_CHOICES} here")
    return wanted


def _flag(fields: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    value = fields.get(name, otherwise)
    if not isinstance(value, bool):
        _refuse(name, "must be true or false")
    return value


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _sampling(fields: Mapping[str, Any]) -> Sampling:
    return Sampling(
        temperature=_or(_number(fields, "temperature", 0, 2), 1.0),
        top_p=_or(_number(fields, "top_p", 0, 1), 1.0),
        top_k=max(_whole(fields, "top_k", -1, 1_000_000) or 0, 0),
        min_p=_or(_number(fields, "min_p", 0, 1), 0.0),
        repeat_penalty=_or(_number(fields, "repeat_penalty", 0.01, 10), 1.0),
        presence_penalty=_or(_number(fields, "presence_penalty", -2, 2), 0.0),
        frequency_penalty=_or(_number(fields, "frequency_penalty", -2, 2), 0.0),
        seed=_whole(fields, "seed", -(2**63), 2**63 - 1),
        logit_bias=_biases(fields.get("logit_bias", {})),
    )


def _biases(given: Any) -> dict[int, float]:
    if not isinstance(given, dict) or len(given) > MOST_BIASES:
        _refuse("logit_bias", f"must be an object of at most {MOST_BIASES} tokens")
    biases = {}
    for token, bias in given.items():
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            _refuse("logit_bias", f"names no token by {token[:20]!r}; use its number")
        found = _number({"logit_bias": bias}, "logit_bias", -100, 100)
        if found is None:
            _refuse("logit_bias", "must be a number from -100 to 100 for each token")
        biases[int(token)] = found
    return biases


def _max_tokens(fields: Mapping[str, Any]) -> int | None:
    """The newer name wins, as with OpenAI."""
    limits = [_whole(fields, name, 1, 2**31) for name in ("max_completion_tokens", "max_tokens")]
    return next((limit for limit in limits if limit is not None), None)


def _logprobs(fields: Mapping[str, Any]) -> int | None:
    alternatives = _whole(fields, "top_logprobs", 0, 20)
    if not _flag(fields, "logprobs", otherwise=False):
        if alternatives:
            _refuse("top_logprobs", "needs logprobs to be true")
        return None
    return alternatives or 0


def _stop(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    stops = [given] if isinstance(given, str) else given
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        _refuse("stop", "must be a text or a list of texts, none of them empty")
    if len(stops) > MOST_STOPS:
        _cannot("stop", f"must be a text or a list of at most {MOST_STOPS} here")
    if any(len(stop) > LONGEST_STOP for stop in stops):
        _cannot("stop", f"must be texts of at most {LONGEST_STOP} characters here")
    return tuple(stops)


# Messages


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given:
        _refuse("prompt", "must be a text")
    return given


def _messages(given: Any) -> tuple[Body, ...]:
    if not isinstance(given, list) or not given:
        _refuse("messages", "must be a list with at least one message")
    return tuple(_message(message, f"messages[{at}]") for at, message in enumerate(given))


def _message(message: Any, place: str) -> Body:
    if not isinstance(message, dict):
        _refuse(place, "must be an object")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        refuse = _cannot if role == "function" else _refuse
        refuse(f"{place}.role", f"must be one of {', '.join(sorted(ROLES))}")
    kept = {name: value for name, value in message.items() if name in KEPT and value is not None}
    kept["content"] = _content(kept.get("content", ""), f"{place}.content")
    if "tool_calls" in kept:
        kept["tool_calls"] = _calls(kept["tool_calls"], f"{place}.tool_calls")
    for name in ("name", "tool_call_id", "reasoning_content"):
        if not isinstance(kept.get(name, ""), str):
            _refuse(f"{place}.{name}", "must be a text")
    return kept


def _content(content: Any, place: str) -> str:
    """Parts of text are lines of one text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        _refuse(place, "must be a text or a list of parts")
    return "\n".join(_part(part, place) for part in content)


def _part(part: Any, place: str) -> str:
    found = part if isinstance(part, dict) else {}
    kind, text = found.get("type"), found.get("text")
    if isinstance(kind, str) and kind != "text":
        _cannot(place, f"has a part of type {kind[:40]!r}: local models read text only")
    if kind not in ("text", None):
        _refuse(place, "has a part whose type is no text")
    if not isinstance(text, str):
        _refuse(place, "has a part of type 'text' without a text")
    return text


def _calls(given: Any, place: str) -> list[Body]:
    calls: list[Any] = given if isinstance(given, list) else [None]
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            refuse = _cannot if _is_other(call) else _refuse
            refuse(place, "must be a list of calls of functions")
        if not isinstance(function.get("arguments", ""), str):
            _refuse(place, "must have their arguments as a text of JSON")
    return [
        {"id": str(call.get("id", "")), "type": "function", "function": call["function"]}
        for call in calls
    ]


# Tools


def _is_other(thing: Any) -> bool:
    """A kind of tool, or of choosing one, that is none of functions."""
    kind = thing.get("type") if isinstance(thing, dict) else None
    return isinstance(kind, str) and kind != "function"


def _tools(fields: Mapping[str, Any]) -> Tools:
    given = fields.get("tools", [])
    if not isinstance(given, list):
        _refuse("tools", "must be a list")
    offered = tuple(_tool(tool) for tool in given)
    choice = _choice(fields.get("tool_choice", "auto" if offered else "none"), offered)
    parallel = _flag(fields, "parallel_tool_calls", otherwise=True)
    if choice == "none":
        return Tools()
    return Tools(offered=offered, choice=choice, parallel=parallel)


def _tool(tool: Any) -> Body:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        refuse = _cannot if _is_other(tool) else _refuse
        refuse("tools", "must be functions with a name")
    if not isinstance(function.get("parameters") or {}, dict):
        _refuse("tools", f"have no schema as parameters of {function['name'][:60]}")
    return {"type": "function", "function": function}


def _choice(given: Any, offered: tuple[Body, ...]) -> str:
    if isinstance(given, str) and given in FREE:
        if given == "required" and not offered:
            _refuse("tool_choice", "requires a call, and there are no tools")
        return given if offered else "none"
    function = given.get("function") if isinstance(given, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if name not in [tool["function"]["name"] for tool in offered] or name in FREE:
        refuse = _cannot if _is_other(given) else _refuse
        refuse("tool_choice", "must be none, auto, required, or name one of the tools")
    return str(name)


# Form of the answer


def _grammar(fields: Mapping[str, Any]) -> str:
    """The `grammar` of llama.cpp's own server, or the one that the response format needs."""
    own, wanted = fields.get("grammar", ""), fields.get("response_format", {"type": "text"})
    if not isinstance(own, str):
        _refuse("grammar", "must be a text of GBNF")
    if len(own) > LONGEST_GRAMMAR:
        _cannot("grammar", f"must be GBNF of at most {LONGEST_GRAMMAR} characters here")
    if own.count("(") > MOST_BRACKETS:
        _cannot("grammar", f"must have at most {MOST_BRACKETS} brackets here")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if own.strip() and kind != "text":
        _cannot("grammar", "cannot stand beside response_format")
    match kind:
        case "text":
            return own.strip()
        case "json_object":
            return grammar.of_any_object()
        case "json_schema":
            return _of_schema(wanted.get("json_schema"))
    _refuse("response_format", "must be of type text, json_object or json_schema")


def _of_schema(given: Any) -> str:
    schema = given.get("schema", {"type": "object"}) if isinstance(given, dict) else None
    if schema is None:
        _refuse("response_format.json_schema", "must be an object with a schema")
    return schema_grammar(schema, "response_format.json_schema.schema")


def schema_grammar(schema: Any, field: str) -> str:
    try:
        return grammar.of_schema(schema)
    except UnusableSchemaError as error:
        _cannot(field, f"cannot be followed: {error}")
