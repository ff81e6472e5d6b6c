"""Writes a checkpoint as a GGUF: `python -m training.export --run FOLDER --to FILE`."""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

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


def facts(run: Path, path: Path) -> dict[str, Any]:
    """What is to be known of the file, and how it came about."""
    state = torch.load(run / "checkpoint.pt")
    step, tokens, seconds = state["at"]
    shape = file_shape(Shape(**state["shape"]))
    return {
        "name": ABOUT.name,
        "about": ABOUT.description,
        "license": ABOUT.license,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "parameters": shape.parameters,
        "vocabulary": shape.vocabulary,
        "context": shape.context,
        "training": {
            "asked": state["asked"],
            "torch": torch.__version__,
            "steps": step,
            "tokens": tokens,
            "minutes": round(seconds / 60, 1),
            "curve": thinned(json.loads((run / "curve.json").read_text())),
        },
    }


def thinned(curve: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each examination, with the median loss since the last."""
    found: list[dict[str, Any]] = []
    losses: list[float] = []
    for entry in curve:
        if "loss" in entry:
            losses.append(entry["loss"])
        elif losses:
            where = {name: entry[name] for name in ("step", "tokens", "seconds", "right")}
            found.append(where | {"loss": round(statistics.median(losses), 4)})
            losses = []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--facts", type=Path, help="a JSON file for what is to be known of it")
    given = parser.parse_args()
    write(given.run, given.to)
    if given.facts:
        given.facts.write_text(json.dumps(facts(given.run, given.to), indent=1) + "\n")


if __name__ == "__main__":
    main()
