"""The models of the bench: random weights of honest sizes, made once and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import processes, suite
from inference.store import quantising
from inference.store.errors import AbsentModelError
from inference.store.models import Store
from training import llama_file
from training.llama_file import Shape, Vocabulary, Weight

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"
"""Nothing but the text, so that a chat is as long as a completion."""
END = "<|end|>"
PLAIN = range(0x20, 0x7F)
SHAPES = {
    "mini": Shape(vocabulary=4096, width=256, layers=6, heads=4, kv_heads=4, feed_forward=768),
    "100m": Shape(vocabulary=32_000, width=768, layers=12, heads=12, kv_heads=4, feed_forward=2048),
    "1b": Shape(vocabulary=32_000, width=2048, layers=22, heads=32, kv_heads=4, feed_forward=5632),
}
VARIANTS = {"mini": "f16", "100m": "q8_0", "1b": "q8_0"}


def path(name: str) -> Path:
    """The file of this model, made now if it is not there."""
    store, reference = Store(place()), f"bench-{name}:{VARIANTS[name]}"
    try:
        return store.find(reference).path
    except AbsentModelError:
        suite.say(f"making {reference} ({SHAPES[name].parameters / 1e6:.0f} M parameters) …")
    return _made(store, name)


def place() -> Path:
    home = Path(os.environ.get("KORA_HOME") or processes.ROOT / "var")
    return home / "bench" / "models"


def _made(store: Store, name: str) -> Path:
    original = f"bench-{name}:f16"
    with store.incoming() as folder:
        written = write(folder / "model.gguf", SHAPES[name])
        kept = store.keep(written, original, source="random weights")
    if VARIANTS[name] == "f16":
        return kept.path
    try:
        return quantising.quantise(store, original, VARIANTS[name]).path
    finally:
        store.remove(original)


def write(path: Path, shape: Shape) -> Path:
    words = vocabulary(shape.vocabulary)
    about = llama_file.About(name="bench", template=TEMPLATE)
    llama_file.write_llama(path, shape, weights(shape), vocabulary=words, about=about)
    return path


def vocabulary(count: int) -> Vocabulary:
    """The bytes, the end, and words of letters up to `count`. Without merges a prompt is a token a
    letter, for every engine alike; what is written may be any word."""
    alone = llama_file.bytes_only((END,))
    words = (f"Ġ{_spelled(number)}" for number in range(count - len(alone.tokens)))
    return Vocabulary(tokens=(*alone.tokens, *words), kinds=alone.kinds, eos=END)


def _spelled(number: int) -> str:
    """In base 20 with letters: no two alike."""
    letters, rest = "", number
    while rest or len(letters) < 3:
        rest, digit = divmod(rest, 20)
        letters += "bcdfghjklmnpqrstvwxz"[digit]
    return letters


def weights(shape: Shape) -> Iterator[Weight]:
    """Random, but the end and the bytes that are no character by themselves are zero, so that
    their score never is the best: every answer is as long as asked, and all of it is text."""
    for name, array in llama_file.random_weights(shape):
        if name == "token_embd.weight":
            silent = [number for number in range(257) if number not in PLAIN]
            array[silent] = 0
        yield name, array
