"""How tests speak to local models: one store, one model with tools in its template, short calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.local.local import Local
from inference.store import models
from inference.words import Call, Completion, Delta, Event, Target, Timeouts
from tests.inference.local import tiny
from training import llama_file

SPECIALS = ("<|begin|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{%- if tools %}<|im_start|>system\n{%- if messages[0].role == 'system' %}"
    "{{ messages[0].content }}\n{%- endif %}\n<tools>\n"
    "{%- for tool in tools %}{{ tool | tojson }}\n{% endfor %}</tools>\n"
    'Answer with <tool_call>{"name": …, "arguments": …}</tool_call>.<|im_end|>\n{% endif %}'
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{%- for call in message.tool_calls or [] %}\n<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n'
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As the ChatML family writes it, with tools in the manner of Hermes and Qwen."""
HELLO = [{"role": "user", "content": "hello"}]
QUOTE = str(ord('"'))
"""The token of the byte: without a push a random model seldom ends a text."""
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "height",
        "description": "How high a mountain is.",
        "parameters": {
            "type": "object",
            "properties": {"of": {"enum": ["Mont Blanc", "Rigi"]}, "unit": {"enum": ["m", "ft"]}},
            "required": ["of"],
        },
    },
}


def write_chatml(path: Path, *, template: str = CHATML) -> Path:
    vocabulary = llama_file.bytes_only(SPECIALS)
    shape = llama_file.Shape(
        vocabulary=len(vocabulary.tokens), width=256, layers=1, heads=4, kv_heads=2,
        feed_forward=256, context=2048,
    )  # fmt: skip
    about = llama_file.About(name="chatml", template=template)
    weights = llama_file.random_weights(shape, 1)
    llama_file.write_llama(path, shape, weights, vocabulary=vocabulary, about=about)
    return path


def fill(store: models.Store, folder: Path) -> models.Store:
    store.import_file(tiny.write(folder / "tiny.gguf"), "tiny:f16", move=True)
    store.import_file(write_chatml(folder / "chatml.gguf"), "chatml:f16", move=True)
    return store


def target(model: str = "tiny:f16", **options: Any) -> Target:
    limits = Timeouts(first_token_s=60, between_tokens_s=60, total_s=120)
    options = {"context": 1024, "slots": 4, "threads": 1, **options}
    return Target(name="b", kind="local", model=model, timeouts=limits, options=options)


def call(*, stream: bool = False, **body: Any) -> Call:
    asked = {"messages": HELLO, "temperature": 0, "max_tokens": 24, **body}
    return Call(body=asked, stream=stream, deadline_s=90, domain="team")


async def events(local: Local, to: Target, asked: Call) -> list[Event]:
    return [event async for event in local.run(to, asked)]


async def whole(local: Local, to: Target | None = None, **body: Any) -> Completion:
    (done,) = await events(local, to or target(), call(**body))
    assert isinstance(done, Completion)
    return done


async def streamed(
    local: Local, to: Target | None = None, **body: Any
) -> tuple[list[Delta], Completion]:
    *deltas, done = await events(local, to or target(), call(stream=True, **body))
    assert isinstance(done, Completion)
    return [event for event in deltas if isinstance(event, Delta)], done


def message(done: Completion, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = done.body["choices"][number]["message"]
    return found


def text(deltas: Sequence[Delta], number: int = 0) -> str:
    parts = [part for delta in deltas for part in delta.chunk["choices"]]
    return "".join(p["delta"].get("content") or "" for p in parts if p["index"] == number)
