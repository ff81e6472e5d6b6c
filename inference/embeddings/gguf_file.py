"""Writes all-MiniLM-L6-v2 as a GGUF file that llama.cpp runs; numpy and gguf do it in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import gguf
import numpy as np

from inference.embeddings import gguf_text, minilm
from inference.embeddings.minilm import Array, Original

TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


def write(path: Path, original: Original, variant: str) -> None:
    """`path` must be nobody's yet: whoever calls puts the finished file in its place."""
    writer = gguf.GGUFWriter(path, "bert")
    _describe(writer, variant)
    _add_vocabulary(writer, original.vocabulary)
    for name, array, kind in _packed(original, variant):
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, variant: str) -> None:
    writer.add_name(minilm.NAME)
    writer.add_license(minilm.LICENSE)
    writer.add_file_type(FILE_TYPES[variant])
    writer.add_block_count(minilm.LAYERS)
    writer.add_context_length(minilm.LONGEST)
    writer.add_embedding_length(minilm.WIDTH)
    writer.add_feed_forward_length(minilm.FEED_FORWARD)
    writer.add_head_count(minilm.HEADS)
    writer.add_layer_norm_eps(minilm.EPSILON)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Sequence[str]) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list([gguf_text.as_written(token) for token in vocabulary])
    writer.add_token_types([_kind(token) for token in vocabulary])
    for name, add in (
        ("[CLS]", writer.add_bos_token_id),
        ("[UNK]", writer.add_unk_token_id),
        ("[SEP]", writer.add_sep_token_id),
        ("[PAD]", writer.add_pad_token_id),
        ("[MASK]", writer.add_mask_token_id),
    ):
        add(vocabulary.index(name))
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_bool("tokenizer.ggml.add_eos_token", True)


def _kind(token: str) -> int:
    if token == "[UNK]":  # noqa: S105
        return int(gguf.TokenType.UNKNOWN)
    return int(gguf.TokenType.CONTROL if gguf_text.is_special(token) else gguf.TokenType.NORMAL)


def _packed(
    original: Original, variant: str
) -> Iterator[tuple[str, Array, gguf.GGMLQuantizationType]]:
    """Matrices in the variant's format; vectors, and rows looked up one by one, as they are."""
    whole = gguf.GGMLQuantizationType.F32
    for name, array in minilm.tensors(original.weights):
        # llama.cpp wants as many positions as the context has; the rest were never tuned.
        rows = array[: minilm.LONGEST] if name == "position_embd.weight" else array
        plain = np.ascontiguousarray(rows, dtype=np.float32)
        small = plain.ndim == 1 or name in {"position_embd.weight", "token_types.weight"}
        kind = whole if small else TYPES[variant]
        yield name, gguf.quants.quantize(plain, kind), kind
