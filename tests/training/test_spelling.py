"""The tokenizer spells words alike wherever they stand, and writes every text back."""

from __future__ import annotations

import pytest
import tokenizers

from training import chat, spelling
from training.sample import Sample

ODD = ["  two  spaces ", "Zoë — 日本 😀\n\n\ttab", "ANNA anna 12345 #$%", "a\"b{}[]\\'s", ""]


@pytest.fixture(scope="module")
def tokenizer() -> tokenizers.Tokenizer:
    return spelling.build(seed=3, each=60)


@pytest.mark.parametrize("text", ODD)
def test_every_text_is_written_back(tokenizer: tokenizers.Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize("word", ["Anna", "tomatoes", "kimer", "kevin.novak@shop.net", "£284.56"])
def test_what_is_copied_has_the_same_tokens_everywhere(
    tokenizer: tokenizers.Tokenizer, word: str
) -> None:
    alone = tokenizer.encode(word).tokens
    for before, after in ((" ", ""), ('"', '"'), ("\n", "\n"), ("- ", ",")):
        tokens = tokenizer.encode(f"x{before}{word}{after}").tokens
        assert any(tokens[at : at + len(alone)] == alone for at in range(len(tokens)))


def test_digits_and_capitals_stand_alone(tokenizer: tokenizers.Tokenizer) -> None:
    assert tokenizer.encode("2024").tokens == ["2", "0", "2", "4"]
    assert tokenizer.encode("AND").tokens == ["A", "N", "D"]


def test_only_the_answers_are_said(tokenizer: tokenizers.Tokenizer) -> None:
    speech = chat.Speech(tokenizer=tokenizer)
    talk = speech.talk(
        [Sample(asked="say a", expected="a"), Sample(asked="b", expected="c")], "Be."
    )
    pairs = zip(talk.tokens, talk.said, strict=True)
    said = tokenizer.decode([token for token, said in pairs if said], skip_special_tokens=False)
    assert said.replace(" ", "") == f"a{chat.END}c{chat.END}"
    whole = tokenizer.decode(list(talk.tokens), skip_special_tokens=False).replace(" ", "")
    assert whole.startswith(f"{chat.BEGIN}{chat.SYSTEM}Be.{chat.END}{chat.USER}saya{chat.END}")
