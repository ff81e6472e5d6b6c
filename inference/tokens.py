"""Tokens by the model's own vocabulary, where this machine has it: OpenAI's families of BPE.

The vocabularies lie inside an installed package; they are read as files, once, in a thread of their
own, when somebody first needs them. Nothing is ever downloaded: where a file is missing, or not
read yet, nobody knows the count.
"""

from __future__ import annotations

import base64
import importlib.util
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

FOLDER = "litellm_core_utils/tokenizers"
LONGEST = 400_000
"""Characters; what is longer takes milliseconds to count and is estimated instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """A file of pieces by rank, and how text is cut before pieces are looked for."""

    file: str
    pattern: str


_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
VOCABULARIES: Mapping[str, Vocabulary] = {
    "cl100k": Vocabulary(
        file="9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        pattern=(
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
            r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
        ),
    ),
    "o200k": Vocabulary(
        file="fb374d419588a4632f3f557e76b4b70aebbca790",
        pattern=(
            rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SHORT}"
            rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SHORT}"
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        ),
    ),
}
BEGINNINGS = {
    "gpt-4o": "o200k", "chatgpt-4o": "o200k", "gpt-4.1": "o200k", "gpt-4.5": "o200k",
    "gpt-5": "o200k", "o1": "o200k", "o3": "o200k", "o4-mini": "o200k", "gpt-4": "cl100k",
    "gpt-3.5": "cl100k", "text-embedding-3": "cl100k", "text-embedding-ada": "cl100k",
}  # fmt: skip
"""How a model's name begins, the longer before the shorter."""

_lock = threading.Lock()
_loading: set[str] = set()
_ready: dict[str, tiktoken.Encoding | None] = {}


def family(model: str) -> str:
    """Of a model as LiteLLM or OpenAI names it; empty where its vocabulary is not known."""
    name = model.rpartition("/")[2].removeprefix("ft:")
    return next((found for begin, found in BEGINNINGS.items() if name.startswith(begin)), "")


def count(name: str, texts: Iterable[str]) -> int | None:
    """None: not known, or not yet; then the next one who asks may be luckier."""
    found = _ready.get(name)
    if found is None:
        wake(name)
        return None
    some = list(texts)
    if sum(map(len, some)) > LONGEST:
        return None
    return sum(len(found.encode_ordinary(text)) for text in some)


def wake(name: str) -> threading.Thread | None:
    """Reads a vocabulary aside, which takes a third of a second; once."""
    with _lock:
        if name not in VOCABULARIES or name in _loading:
            return None
        _loading.add(name)
    thread = threading.Thread(target=_load, args=(name,), name=f"vocabulary-{name}", daemon=True)
    thread.start()
    return thread


def _load(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    place = _place(vocabulary.file)
    if place is None:
        return
    import tiktoken

    _ready[name] = tiktoken.Encoding(
        name, pat_str=vocabulary.pattern, mergeable_ranks=_pieces(place), special_tokens={}
    )


def _place(file: str) -> Path | None:
    """Where a package lies is found without importing it."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        return None
    place = Path(found.origin).parent / FOLDER / file
    return place if place.is_file() else None


def _pieces(place: Path) -> dict[bytes, int]:
    lines = (line.split() for line in place.read_bytes().splitlines() if line)
    return {base64.b64decode(piece): int(rank) for piece, rank in lines}
