"""The smallest models that are real: random weights, a token a byte, a chat template."""

from __future__ import annotations

from pathlib import Path

from training import llama_file

SPECIALS = ("<|begin|>", "<|role|>", "<|turn|>", "<|end|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|role|>{{ message.role }}\n"
    "{{ message.content }}<|turn|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|role|>assistant\n{% endif %}"
)
SHAPE = llama_file.Shape(
    vocabulary=256 + len(SPECIALS),
    width=256,
    layers=2,
    heads=4,
    kv_heads=2,
    feed_forward=256,
    context=2048,
)


def write(path: Path, *, seed: int = 0, shape: llama_file.Shape = SHAPE) -> Path:
    llama_file.write_llama(
        path,
        shape,
        llama_file.random_weights(shape, seed),
        vocabulary=llama_file.bytes_only(SPECIALS),
        about=llama_file.About(name="tiny", template=TEMPLATE),
    )
    return path
