"""Heads that are built and not learned: they find where the last two tokens stood before.

Two heads of the first layer bring each token its neighbour and the one before that; one of the
second compares them with the present ones and reads on from there (the induction heads of Olsson
et al., 2022, for pairs). They are put back after every step of training. Without them, an hour on
two cores is over before copying appears at all.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from training.model import Attention, Mini, turns

CONSTANT = 4.0  # the first number of every word, in standard deviations of the others
SHARP, NEAR = 2.0, 6  # by the pairs that turn fast: they tell one place from the next
FIRST_SLOW, PART = 24, 20  # by the pairs that turn slowly: the others forget within a few tokens
ALIKE, ALIKE_BEFORE = 2.2, 1.6
WRITE, SAY = 2.0, 10.0  # in standard deviations of the words


class Copying:
    """Tied words do not see a number that is the same for all; positions are read from it."""

    def __init__(self, model: Mini, seed: int) -> None:
        self.model, self.wide = model, model.shape.head_width
        width = model.shape.width - 1
        free = torch.linalg.qr(torch.randn(width, width, generator=torch.manual_seed(seed))).Q
        rows = torch.cat((torch.zeros(width, 1), free), 1)
        self.who, self.before, self.earlier = rows[: 3 * self.wide].split(self.wide)
        self.turns = torch.view_as_real(turns(model.shape)[:3, 0, :NEAR].conj().resolve_conj())

    @torch.no_grad()
    def plant(self) -> None:
        words = self.model.words.weight
        scale = words[:, 1:].std()
        words[:, 0] = CONSTANT * scale
        first, second = (cast("Attention", layer.attention) for layer in self.model.layers[:2])
        self.look_back(first, head=0, steps=1, to=WRITE * scale * self.before)
        self.look_back(first, head=1, steps=2, to=WRITE * scale * self.earlier)
        self.find(second, SAY * scale)

    def look_back(self, attention: Attention, *, head: int, steps: int, to: Tensor) -> None:
        start = head * self.wide
        mine = slice(start, start + self.wide)
        attention.query.weight[mine] = 0
        attention.key.weight[mine] = 0
        near = slice(start, start + 2 * NEAR)
        attention.query.weight[near, 0] = SHARP * self.turns[steps].flatten()
        attention.key.weight[near, 0] = SHARP * torch.tensor([1.0, 0.0]).repeat(NEAR)
        attention.value.weight[mine] = self.who
        attention.out.weight[:, mine] = to.T

    def find(self, attention: Attention, say: Tensor) -> None:
        present = slice(FIRST_SLOW, FIRST_SLOW + PART)
        past = slice(FIRST_SLOW + PART, FIRST_SLOW + 2 * PART)
        for part in (attention.query, attention.key):
            part.weight[: self.wide] = 0
        attention.query.weight[present] = ALIKE * self.who[:PART]
        attention.key.weight[present] = ALIKE * self.before[:PART]
        attention.query.weight[past] = ALIKE_BEFORE * self.before[:PART]
        attention.key.weight[past] = ALIKE_BEFORE * self.earlier[:PART]
        attention.value.weight[: self.wide] = self.who
        attention.out.weight[:, : self.wide] = say * self.who.T
