"""The tokenizer: byte-level BPE whose words are spelled alike wherever they stand.

Learned merges stay inside runs of small letters or of punctuation: digits, capitals and spaces
stand alone. So `Anna`, ` Anna` and `"Anna"` hold the same tokens, and copying needs no
translation. Frequent words of the instructions get their space merged on last, when the word
itself is already whole.
"""

from __future__ import annotations

import collections
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training import chat, lists
from training.sample import DIFFICULTIES, draw
from training.tasks import TASKS

SIZE = 1536
SPACED = 160
RUN = Regex(r"[a-z]+|[^\sA-Za-z0-9]+|\s|[A-Z]|[0-9]")
WORDS = re.compile(r""" ([a-z]{2,}(?![A-Za-z0-9])|["{=+]+)""")


def texts(seed: int, each: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(each):
        for maker in TASKS.values():
            sample = draw(maker, rng, rng.choice(DIFFICULTIES[:2]), unseen=False)
            yield sample.asked
            yield sample.expected


def learned(corpus: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(RUN, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - SPACED - len(chat.MARKS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def spaced(tokenizer: Tokenizer, corpus: Sequence[str]) -> list[str]:
    """To be merged with the space before them: frequent, whole, no first part of a listed word."""
    counts = collections.Counter(word for text in corpus for word in WORDS.findall(text))
    listed = {word for value in vars(lists).values() if isinstance(value, list) for word in value}
    firsts = {tokenizer.encode(word).tokens[0] for word in listed}
    found: list[str] = []
    for word, _ in counts.most_common():
        tokens = tokenizer.encode(word).tokens
        if len(tokens) == 1 and tokens[0] not in firsts:
            found.append(tokens[0])
    return found[:SPACED]


def build(seed: int, each: int = 2500) -> Tokenizer:
    corpus = list(texts(seed, each))
    first = learned(corpus)
    state = json.loads(first.to_str())["model"]
    space = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(" ")[0][0]
    merges = [(one, other) for one, other in state["merges"]]
    vocabulary: dict[str, int] = {mark: at for at, mark in enumerate(chat.MARKS)}
    for token, _ in sorted(state["vocab"].items(), key=lambda item: item[1]):
        vocabulary[token] = len(vocabulary)
    for word in spaced(first, corpus):
        merges.append((space, word))
        vocabulary[space + word] = len(vocabulary)
    return whole(vocabulary, merges)


def whole(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """Split as llama.cpp's `gpt-2` does, so that both spell every text alike."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(chat.MARKS))
    return tokenizer
