"""Trains kora-mini: `python -m training.train --out FOLDER`; started again, it goes on."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from training import chat, spelling
from training.copying import Copying
from training.feed import Batch, Feed, packed
from training.model import Mini, Shape
from training.neighbours import Neighbours
from training.optimiser import optimisers
from training.sample import DIFFICULTIES, draw
from training.tasks import TASKS

ASKED = ("seed", "tokens", "matrix_rate", "rate", "threads")
WARM_UP, EASY_UNTIL = 0.02, 0.08  # shares of the whole run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument(
        "--steps", type=int, default=1_000_000, help="ends sooner if reached sooner"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=6144, help="a batch")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--matrix-rate", type=float, default=0.012)
    parser.add_argument("--rate", type=float, default=0.002)
    parser.add_argument("--look-seconds", type=float, default=300)
    return parser.parse_args()


def loss(model: nn.Module, batch: Batch) -> Tensor:
    wanted = batch.weights > 0
    weights = batch.weights[wanted]
    each = functional.cross_entropy(
        model(batch.tokens, wanted), batch.targets[wanted], reduction="none"
    )
    return (each * weights).sum() / weights.sum()


class Examination:
    """Held-out samples; an answer is right when every token of it is the likeliest one.

    That is the same as a greedy answer equal to the expected one, in a single pass."""

    def __init__(self, speech: chat.Speech, *, seed: int, each: int) -> None:
        rng = random.Random(seed)
        self.sheets = {
            f"{task}/{difficulty}": [
                speech.talk([draw(maker, rng, difficulty, unseen=True)]) for _ in range(each)
            ]
            for task, maker in TASKS.items()
            for difficulty in DIFFICULTIES
        }

    @torch.no_grad()
    def taken(self, model: nn.Module) -> dict[str, float]:
        return {name: right(model, rows) for name, rows in self.sheets.items()}


def right(model: nn.Module, rows: list[chat.Talk]) -> float:
    batch = packed(rows)
    agreed = (model(batch.tokens).argmax(-1) == batch.targets) | (batch.weights < 1)
    return float(agreed.all(-1).float().mean())


class Run:
    """One training run in a folder: tokenizer, checkpoint and curve lie there."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.folder = args, args.out
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(args.threads)
        torch.manual_seed(args.seed)
        self.speech = chat.Speech(tokenizer=self.tokenizer())
        self.model = Mini(Shape(vocabulary=self.speech.tokenizer.get_vocab_size()))
        self.copying = Copying(self.model, args.seed)
        self.copying.plant()
        self.steppers = optimisers(self.model, matrix_rate=args.matrix_rate, rate=args.rate)
        self.exam = Examination(self.speech, seed=args.seed + 1, each=12)
        self.step, self.seen, self.spent = 0, 0, 0.0
        self.curve: list[dict[str, Any]] = []
        self.resume()

    def tokenizer(self) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        if not path.exists():
            spelling.build(self.args.seed).save(str(path))
        return Tokenizer.from_file(str(path))

    def progress(self) -> float:
        return max(self.step / self.args.steps, self.spent / (self.args.minutes * 60))

    def pace(self) -> float:
        """The share of the full rate: up in a line, down in half a cosine."""
        at = self.progress()
        return min(at / WARM_UP + 0.01, 0.5 + 0.5 * math.cos(math.pi * min(at, 1.0)))

    def train(self) -> None:
        feed = Feed(
            self.speech,
            seed=self.args.seed * 1_000_003 + self.step,
            tokens=self.args.tokens,
            context=self.model.shape.context,
        )
        looked, neighbours = time.monotonic(), Neighbours(self.args.threads)
        for batch in feed.batches():
            start = time.monotonic()
            torch.set_num_threads(neighbours.threads())
            feed.easy_only = self.progress() < EASY_UNTIL
            value = self.learn(batch)
            self.spent += time.monotonic() - start
            if self.step % 20 == 0:
                self.log({"loss": round(value, 4), "threads": torch.get_num_threads()})
            if time.monotonic() - looked > self.args.look_seconds or self.progress() >= 1:
                self.look()
                looked = time.monotonic()
            if self.progress() >= 1:
                return

    def learn(self, batch: Batch) -> float:
        base = (self.args.matrix_rate, self.args.rate)
        for stepper, rate in zip(self.steppers, base, strict=True):
            for group in stepper.param_groups:
                group["lr"] = rate * self.pace()
        value = loss(self.model, batch)
        value.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for stepper in self.steppers:
            stepper.step()
            stepper.zero_grad()
        self.copying.plant()
        self.step += 1
        self.seen += batch.tokens.numel()
        return float(value.detach())

    def log(self, more: dict[str, Any]) -> None:
        now = {"step": self.step, "tokens": self.seen, "seconds": round(self.spent, 1)}
        self.curve.append(now | more)
        print(json.dumps(now | more), flush=True)

    def look(self) -> None:
        start = time.monotonic()
        marks = self.exam.taken(self.model)
        by = {
            d: round(sum(v for k, v in marks.items() if k.endswith(d)) / len(TASKS), 3)
            for d in DIFFICULTIES
        }
        self.log({"right": by, "marks": {name: round(mark, 2) for name, mark in marks.items()}})
        self.save()
        self.spent += time.monotonic() - start

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "shape": asdict(self.model.shape),
            "steppers": [stepper.state_dict() for stepper in self.steppers],
            "at": (self.step, self.seen, self.spent),
            "asked": {name: getattr(self.args, name) for name in ASKED},
        }
        torch.save(state, self.folder / "part.pt")
        (self.folder / "part.pt").replace(self.folder / "checkpoint.pt")
        (self.folder / "curve.json").write_text(json.dumps(self.curve, indent=0))

    def resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        for stepper, held in zip(self.steppers, state["steppers"], strict=True):
            stepper.load_state_dict(held)
        self.step, self.seen, self.spent = state["at"]
        self.curve = json.loads((self.folder / "curve.json").read_text())


if __name__ == "__main__":
    Run(arguments()).train()
