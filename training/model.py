"""The network: a small Llama (RMSNorm, rotary positions, SwiGLU, no biases, tied words)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Rows of the K-quants hold 256 values: width and inner width are multiples of that."""

    vocabulary: int
    width: int = 256
    inner: int = 768
    layers: int = 6
    heads: int = 4
    context: int = 1024
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def turns(shape: Shape) -> Tensor:
    """The rotation as complex numbers, one row a position, one number a pair of neighbours."""
    steps = torch.arange(0, shape.head_width, 2).float() / shape.head_width
    angles = torch.outer(torch.arange(shape.context).float(), shape.rope_base**-steps)
    return torch.polar(torch.ones_like(angles), angles)[:, None, :]


def rotate(heads: Tensor, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(heads.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)


class Norm(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.eps = shape.norm_eps

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.rms_norm(hidden, self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(shape.width, shape.width, bias=False) for _ in range(4)
        )

    def forward(self, hidden: Tensor, turn: Tensor) -> Tensor:
        query, key, value = (
            part(hidden).unflatten(-1, (self.heads, -1))
            for part in (self.query, self.key, self.value)
        )
        parts = (rotate(query, turn), rotate(key, turn), value)
        mixed = functional.scaled_dot_product_attention(
            *(part.transpose(1, 2) for part in parts), is_causal=True
        )
        return self.out(mixed.transpose(1, 2).flatten(2))


class Inner(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.inner, bias=False)
        self.up = nn.Linear(shape.width, shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.down(functional.silu(self.gate(hidden)) * self.up(hidden))


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm, self.inner_norm = Norm(shape), Norm(shape)
        self.attention, self.inner = Attention(shape), Inner(shape)

    def forward(self, hidden: Tensor, turn: Tensor) -> Tensor:
        hidden = hidden + self.attention(self.attention_norm(hidden), turn)
        return hidden + self.inner(self.inner_norm(hidden))


class Mini(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape)
        self.register_buffer("turn", turns(shape), persistent=False)
        self.apply(start)
        for layer in self.layers:  # what writes into the stream starts at nothing
            nn.init.zeros_(layer.attention.out.weight)
            nn.init.zeros_(layer.inner.down.weight)

    def forward(self, tokens: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Logits of every position, or only of those that are wanted, in one row each."""
        hidden = self.words(tokens)
        for layer in self.layers:
            hidden = layer(hidden, self.turn[: tokens.shape[1]])
        if wanted is not None:
            hidden = hidden[wanted]
        return functional.linear(self.norm(hidden), self.words.weight)


def start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.04)
