"""Writes a checkpoint as a GGUF: `python -m training.export --run FOLDER --to FILE`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer

from training import chat, llama_file
from training.model import Mini, Shape

ABOUT = llama_file.About(
    name="kora-mini",
    template=chat.TEMPLATE,
    license="Apache-2.0",
    description="A small demo model: formatting, extraction, labels for messages, small sums.",
    version="1",
)
PARTS = {
    "attn_norm": "attention_norm",
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_output": "attention.out",
    "ffn_norm": "inner_norm",
    "ffn_gate": "inner.gate",
    "ffn_up": "inner.up",
    "ffn_down": "inner.down",
}
OUTSIDE = {"token_embd.weight": "words.weight", "output_norm.weight": "norm.weight"}


def trained(run: Path) -> tuple[Mini, Tokenizer]:
    """The model of a run's last checkpoint and its tokenizer."""
    state = torch.load(run / "checkpoint.pt")
    model = Mini(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model.eval(), Tokenizer.from_file(str(run / "tokenizer.json"))


def file_shape(shape: Shape) -> llama_file.Shape:
    return llama_file.Shape(
        vocabulary=shape.vocabulary,
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.heads,
        feed_forward=shape.inner,
        context=shape.context,
        rope_base=shape.rope_base,
        norm_epsilon=shape.norm_eps,
    )


def own_name(name: str) -> str:
    """`blk.3.attn_q.weight` is `layers.3.attention.query.weight` here."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, layer, part, kind = name.split(".")
    return f"layers.{layer}.{PARTS[part]}.{kind}"


def weights(model: Mini) -> Iterator[llama_file.Weight]:
    held = model.state_dict()
    for name, _ in llama_file.tensors(file_shape(model.shape)):
        yield name, held[own_name(name)].numpy()


def write(run: Path, path: Path) -> None:
    model, tokenizer = trained(run)
    vocabulary = llama_file.from_tokenizer(tokenizer.to_str(), bos=chat.BEGIN, eos=chat.END)
    llama_file.write_llama(
        path, file_shape(model.shape), weights(model), vocabulary=vocabulary, about=ABOUT
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    given = parser.parse_args()
    write(given.run, given.to)


if __name__ == "__main__":
    main()
