"""Messages become a prompt, in the words of the model's own chat template."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from inference.talk import guards, templates, tools
from inference.talk.guards import Guard, Part
from inference.talk.templates import RefusedError, Template
from inference.words import EngineError, Failure

Message = dict[str, Any]

PLAIN = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% else %}{{ 'User' if message.role == 'user' else 'Assistant' }}: {{ message.content }}\n"
    "{% endif %}{% endfor %}Assistant:"
)
"""For a file that brings no template; what `PLAIN_STOPS` says ends an answer."""
PLAIN_STOPS = ("\nUser:",)
KEYS = frozenset({"role", "type", "tool_call_id", "id"})
"""Words of the protocol in a message, checked when they are read: templates compare them."""


class Chat:
    """One model's way of writing a conversation down."""

    def __init__(
        self, source: str, *, bos: str = "", eos: str = "", controls: Collection[str] = ()
    ) -> None:
        self._template = Template(source or PLAIN)
        self._constants = {"bos_token": bos, "eos_token": eos, "add_generation_prompt": True}
        self._guard = Guard(controls)
        self._developer = "developer" in source
        self.knows_tools = self._template.knows_tools
        self.form = tools.form_of(source)
        self.stops = () if source else PLAIN_STOPS

    def parts(self, messages: Sequence[Message], offered: Sequence[Message] = ()) -> list[Part]:
        """Raises EngineError: the client's fault when the template refuses these messages."""
        told = [self._told(message) for message in messages]
        given = [*told, *offered]
        mark = guards.free_mark(given)
        if mark is None:
            raise EngineError(
                Failure.UNSUPPORTED, "messages hold characters kept for programs", param="messages"
            )
        parts = self._written(told, offered, lambda text: self._guard.light(text, mark), mark)
        careful = self._written(told, offered, lambda text: self._guard.strict(text, mark), mark)
        return parts if _controls(parts) == _controls(careful) else careful

    def _written(
        self, messages: Sequence[Message], offered: Sequence[Message], change: Any, mark: str
    ) -> list[Part]:
        values = {
            **self._constants,
            "messages": [_guarded(message, change) for message in messages],
            "tools": [guards.each_text(tool, change) for tool in offered] or None,
        }
        return list(self._guard.parts(self._rendered(values), mark))

    def _rendered(self, values: Mapping[str, Any]) -> str:
        """Some templates want the arguments of earlier calls as objects, some as JSON."""
        try:
            try:
                return self._template.render(values)
            except TypeError:
                messages = [_with_json_arguments(message) for message in values["messages"]]
                return self._template.render({**values, "messages": messages})
        except RefusedError as error:
            raise EngineError(
                Failure.UNSUPPORTED,
                f"messages: the model's chat template refuses them: {error}",
                param="messages",
            ) from error
        except Exception as error:  # a stranger's program may raise anything
            raise templates.broken(error) from error

    def _told(self, message: Message) -> Message:
        role = message["role"]
        known = role if role != "developer" or self._developer else "system"
        told = {**message, "role": known, "content": _text(message.get("content"))}
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [_call(call) for call in calls]
        return told


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content)
    return content or ""


def _call(call: Message) -> Message:
    function = call["function"]
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except ValueError:
        arguments = function["arguments"]
    return {**call, "function": {**function, "arguments": arguments}}


def _with_json_arguments(message: Message) -> Message:
    calls = [
        {**call, "function": {**call["function"], "arguments": _as_json(call["function"])}}
        for call in message.get("tool_calls", ())
    ]
    return {**message, "tool_calls": calls} if calls else message


def _as_json(function: Message) -> str:
    arguments = function["arguments"]
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _guarded(message: Message, change: Any) -> Message:
    """Names of fields of messages are ours; those inside of arguments are the client's."""
    guarded: Message = {}
    for name, value in message.items():
        if name == "tool_calls":
            guarded[name] = [_guarded_call(call, change) for call in value]
        elif name in KEYS and isinstance(value, str):
            guarded[name] = value if name == "role" else change(value)
        else:
            guarded[name] = guards.each_text(value, change)
    return guarded


def _guarded_call(call: Message, change: Any) -> Message:
    function = {name: guards.each_text(value, change) for name, value in call["function"].items()}
    return {"id": change(str(call.get("id", ""))), "type": "function", "function": function}


def _controls(parts: Sequence[Part]) -> list[str]:
    return [part.text for part in parts if part.control]
