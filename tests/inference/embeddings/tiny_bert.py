"""The smallest BERT that is real: random weights, a vocabulary of a few letters."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from inference.embeddings import gguf_text

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop", "##a", "##b", "##c")
LAYERS, WIDTH, HEADS, WIDE, LONGEST = 2, 64, 4, 128, 32


def write(
    path: Path, *, pooling: gguf.PoolingType = gguf.PoolingType.MEAN, without: str = ""
) -> Path:
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_block_count(LAYERS)
    writer.add_context_length(LONGEST)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(pooling)
    _add_vocabulary(writer)
    for name, array in _weights().items():
        if name != without:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list([gguf_text.as_written(token) for token in TOKENS])
    writer.add_token_types([int(gguf.TokenType.NORMAL)] * len(TOKENS))
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_unk_token_id(1)
    writer.add_sep_token_id(3)
    writer.add_pad_token_id(0)


def _weights() -> dict[str, np.ndarray]:
    dice = np.random.default_rng(7)

    def some(*axes: int, spread: float = 0.15) -> np.ndarray:
        return dice.normal(0, spread, axes).astype(np.float32)

    found = {
        "token_embd.weight": some(len(TOKENS), WIDTH, spread=1).astype(np.float16),
        "position_embd.weight": some(LONGEST, WIDTH),
        "token_types.weight": some(2, WIDTH),
    }
    norms = ["token_embd_norm"]
    for number in range(LAYERS):
        at = f"blk.{number}."
        norms += [f"{at}attn_output_norm", f"{at}layer_output_norm"]
        for name, out, into in (
            *((f"attn_{part}", WIDTH, WIDTH) for part in ("q", "k", "v", "output")),
            ("ffn_up", WIDE, WIDTH),
            ("ffn_down", WIDTH, WIDE),
        ):
            found[f"{at}{name}.weight"] = some(out, into).astype(np.float16)
            found[f"{at}{name}.bias"] = some(out)
    for norm in norms:
        found[f"{norm}.weight"] = 1 + some(WIDTH)
        found[f"{norm}.bias"] = some(WIDTH)
    return found
