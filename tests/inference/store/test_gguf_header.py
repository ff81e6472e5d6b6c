"""The header reader: right about real files, and calm about hostile ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from inference.store import facts, gguf_header
from inference.store.errors import BadModelError
from tests.inference.local import tiny
from tests.inference.store.raw import LIST, TEXT, U8, U32, file, number, tensor, text, words

LLAMA = words("general.architecture", "llama")
WEIGHTS = [tensor("a", 32, 4)]


def refused(tmp_path: Path, written: bytes) -> str:
    path = tmp_path / "given.gguf"
    path.write_bytes(written)
    with pytest.raises(BadModelError) as why:
        facts.inspect(path)
    return str(why.value)


def test_a_real_model_says_what_it_is(tiny_model: Path) -> None:
    found = facts.inspect(tiny_model)

    assert found.architecture == "llama"
    assert found.title == "tiny"
    assert (found.layers, found.width, found.heads, found.kv_heads) == (2, 256, 4, 2)
    assert found.context == 2048
    assert found.vocabulary == tiny.SHAPE.vocabulary
    assert found.tokenizer == "gpt2"
    assert found.template
    assert not found.tools
    assert not found.embeds
    assert found.quantisation == "F16"
    assert found.formats["F16"] > 0.9
    assert found.parameters == tiny.SHAPE.parameters
    assert found.bytes == tiny_model.stat().st_size
    assert found.kv_bytes_per_token == 2 * 2 * (64 + 64) * 2  # layers, heads, key and value, f16


def test_memory_is_told_as_the_engine_takes_it(tiny_model: Path) -> None:
    found = facts.inspect(tiny_model)

    kept = 12 * 2048 * found.kv_bytes_per_token
    assert found.bytes + kept < found.running_bytes() < found.bytes + 2 * kept
    assert found.usual_context() == 2048


def test_a_template_with_tools_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "given.gguf"
    template = words("tokenizer.chat_template", "{% if tools %}{{ tools }}{% endif %}")
    path.write_bytes(file([LLAMA, template], WEIGHTS))
    assert facts.inspect(path).tools


def test_heads_may_differ_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "given.gguf"
    each = text("llama.attention.head_count_kv") + struct.pack("<IIQIII", LIST, U32, 3, 4, 0, 2)
    fields = [
        LLAMA,
        number("llama.block_count", 3),
        number("llama.embedding_length", 64),
        number("llama.attention.head_count", 4),
        each,
    ]
    path.write_bytes(file(fields, WEIGHTS))
    found = facts.inspect(path)
    assert found.kv_heads == 4
    assert found.kv_bytes_per_token == (4 + 0 + 2) * (16 + 16) * 2


HOSTILE = [
    (b"", "ends inside"),
    (b"PK\x03\x04 something else entirely", "not a GGUF"),
    (b"<!doctype html><title>log in</title>", "not a GGUF"),
    (b"GGUF" + struct.pack("<I", 1), "version 1"),
    (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
    (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 1), "claims"),
    (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**40), "claims"),
    (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62), "claims"),
    (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 20), "ends inside"),
    (file([text("a") + struct.pack("<II", 99, 0)], []), "unknown type 99"),
    (file([text("a") + struct.pack("<IIQ", LIST, TEXT, 2**50)], []), "claims"),
    (file([text("a") + struct.pack("<IIQ", LIST, LIST, 5)], []), "lists inside"),
    (file([text("a") + struct.pack("<IIQ", LIST, U8, 8_000_000)], []), "ends inside"),
    (file([text("a") + struct.pack("<IIQ", LIST, 77, 5000)], []), "unknown type 77"),
    (file([text("a") + struct.pack("<IIQ", LIST, TEXT, 5000)], [], weights=64), "ends inside"),
    (file([text("a") + struct.pack("<IIQQ", LIST, TEXT, 5000, 2**60)], []), "too long"),
    (file([LLAMA], [tensor("a", 32, kind=5)]), "unknown number format 5"),
    (file([LLAMA], [tensor("a", *[2**60] * 4)]), "cut short"),
    (file([LLAMA], [tensor("a", 32, offset=2**60)]), "cut short"),
    (file([LLAMA], [text("a") + struct.pack("<I", 40)]), "40 axes"),
    (file([LLAMA], [tensor("a", 33, kind=8)]), "rows that Q8_0 cannot hold"),
    (file([LLAMA, number("general.alignment", 0)], WEIGHTS), "alignment"),
    (file([LLAMA], [tensor("a", 32, 4)], weights=16), "cut short"),
    (file([LLAMA], []), "no weights"),
    (file([number("split.count", 3), LLAMA], WEIGHTS), "one of 3 parts"),
    (file([words("general.type", "adapter"), LLAMA], WEIGHTS), "'adapter'"),
    (file([words("general.architecture", "clip")], WEIGHTS), "not a model by itself"),
    (file([], WEIGHTS), "which architecture"),
]


@pytest.mark.parametrize(("written", "why"), HOSTILE)
def test_what_is_no_model_is_refused_with_the_reason(
    tmp_path: Path, written: bytes, why: str
) -> None:
    assert why in refused(tmp_path, written)


def test_every_truncation_of_a_real_file_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    whole = tiny_model.read_bytes()
    header = whole.index(b"token_embd.weight")
    for length in [*range(0, header, 97), header + 3, len(whole) // 2, len(whole) - 1]:
        refused(tmp_path, whole[:length])


def test_long_lists_are_walked_and_not_kept(tiny_model: Path) -> None:
    few = gguf_header.read(tiny_model).values["tokenizer.ggml.tokens"]
    assert isinstance(few, gguf_header.Items)
    assert few.length == len(few.kept) == tiny.SHAPE.vocabulary


def test_a_vocabulary_of_any_length_is_counted(tmp_path: Path) -> None:
    tokens = b"".join(text(f"token {number}") for number in range(3000))
    listed = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", LIST, TEXT, 3000) + tokens
    path = tmp_path / "given.gguf"
    path.write_bytes(file([LLAMA, listed, number("llama.context_length", 77)], WEIGHTS))
    found = facts.inspect(path)
    assert (found.vocabulary, found.context) == (3000, 77)


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(BadModelError, match="No such file"):
        facts.inspect(tmp_path / "nowhere.gguf")
