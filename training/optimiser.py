"""Muon for the matrices and AdamW for the rest: fewer tokens to the same loss than AdamW alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEPS, A, B, C = 4, 3.4445, -4.7750, 2.0315  # the quintic that drives singular values towards one


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest half-orthogonal matrix, by Newton and Schulz."""
    tall = matrix.shape[0] > matrix.shape[1]
    flat = matrix.mT if tall else matrix
    flat = flat / (flat.norm() + 1e-7)
    for _ in range(STEPS):
        gram = flat @ flat.mT
        flat = torch.addmm(flat, torch.addmm(gram, gram, gram, beta=B, alpha=C), flat, beta=A)
    return flat.mT if tall else flat


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each matrix is made orthogonal."""

    def __init__(
        self, matrices: list[nn.Parameter], *, rate: float, momentum: float = 0.95
    ) -> None:
        super().__init__(matrices, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for matrix in group["params"]:
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                update = orthogonal(self.pushed(matrix, group["momentum"]))
                matrix.add_(update, alpha=-group["lr"] * scale)

    def pushed(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        state = self.state[matrix]
        assert matrix.grad is not None
        speed = state.setdefault("speed", torch.zeros_like(matrix.grad))
        speed.lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(speed, momentum)


def optimisers(model: nn.Module, *, matrix_rate: float, rate: float) -> list[torch.optim.Optimizer]:
    inside = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    known = {id(p) for p in inside}
    rest = [p for p in model.parameters() if id(p) not in known]
    return [
        Muon(inside, rate=matrix_rate),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
