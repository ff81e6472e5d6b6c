"""How a conversation becomes tokens: role marks, what is said, and the end of each turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from training.sample import Sample

BEGIN, SYSTEM, USER, ASSISTANT, END = MARKS = (
    "<|begin|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
)
TEMPLATE = (
    "{{ bos_token }}"
    "{%- for message in messages -%}"
    "{%- if message['role'] in ['system', 'developer'] -%}<|system|>"
    "{%- elif message['role'] == 'assistant' -%}<|assistant|>"
    "{%- else -%}<|user|>{%- endif -%}"
    "{{- message['content'] | trim -}}<|end|>"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
SYSTEMS = (
    "You are a helpful assistant.",
    "You are kora-mini, a small demo model.",
    "Answer shortly.",
    "You are a polite assistant. Be brief.",
    "Help the user.",
    "You are an assistant for a shop.",
    "Follow the instructions of the user.",
)


@dataclass(frozen=True, kw_only=True)
class Talk:
    """Tokens with, for each, whether the model is to say it."""

    tokens: tuple[int, ...]
    said: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The tokenizer with its marks looked up once."""

    tokenizer: Tokenizer

    def mark(self, text: str) -> int:
        number = self.tokenizer.token_to_id(text)
        if number is None:
            raise KeyError(text)
        return number

    def talk(self, turns: Sequence[Sample], system: str = "") -> Talk:
        parts = [([self.mark(BEGIN)], False)]
        if system:
            parts.append(([self.mark(SYSTEM), *self.spell(system), self.mark(END)], False))
        for turn in turns:
            asked = [self.mark(USER), *self.spell(turn.asked), self.mark(END)]
            parts.append(([*asked, self.mark(ASSISTANT)], False))
            parts.append(([*self.spell(turn.expected), self.mark(END)], True))
        return Talk(
            tokens=tuple(token for tokens, _ in parts for token in tokens),
            said=tuple(said for tokens, said in parts for _ in tokens),
        )

    def spell(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


def system(rng: random.Random) -> str:
    """Most conversations have none."""
    return rng.choice(SYSTEMS) if rng.random() < 0.2 else ""
