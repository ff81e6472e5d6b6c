"""What kora-mini gets right of prompts it was never trained on: by task, difficulty, precision."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import queue
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp

from benchmarks import suite
from inference.local.engine import Engine
from inference.local.words import Ended, Job, Piece, Sampling, Settings, Told
from inference.store import models, quantising, shipped_model
from inference.talk.chat import Chat
from training import sample
from training.sample import DIFFICULTIES, Sample
from training.tasks import TASKS

VARIANTS = ("f16", "q8_0", "q4_k_m", "q2_k")
MOST_TOKENS = 320
SLOTS = 16
WINDOW = 3 * SLOTS
"""Questions in the engine at once: it looks through those that wait at every step."""
Marks = dict[str, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Question:
    task: str
    difficulty: str
    sample: Sample


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks mini", description=__doc__)
    parser.add_argument("--prompts", type=int, default=300, help="for each task, over difficulties")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--file", type=Path, default=shipped_model.file(), help="an f16 GGUF")
    parser.add_argument("--record", type=Path, help="a JSON file to write the marks into")
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print for each task")
    return parser.parse_args(given)


def questions(tasks: Sequence[str], *, each: int, seed: int) -> list[Question]:
    """So many for each task and difficulty, all different, all from the held-out side."""
    made: list[Question] = []
    for task in tasks:
        for difficulty in DIFFICULTIES:
            rng = random.Random(f"{seed} {task} {difficulty}")
            found: dict[str, Sample] = {}
            while len(found) < each:
                one = sample.draw(TASKS[task], rng, difficulty, unseen=True)
                found.setdefault(one.asked, one)
            made += [
                Question(task=task, difficulty=difficulty, sample=one) for one in found.values()
            ]
    return made


@contextlib.contextmanager
def variants(file: Path, names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """The file and what is quantised from it, in a store that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="kora-bench-"))
    try:
        store = models.Store(folder)
        found = {"f16": store.import_file(file, "kora-mini:f16").path}
        for name in names:
            if name not in found:
                found[name] = quantising.quantise(store, "kora-mini:f16", name).path
        yield {name: found[name] for name in names}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Sitting:
    """One model answers many questions at once, at temperature 0, as KORA would ask it."""

    def __init__(self, path: Path) -> None:
        settings = Settings(slots=SLOTS, waiting=WINDOW, threads=1)
        self.engine = Engine(path, settings, name=path.stem)
        told = self.engine.facts
        self.chat = Chat(
            told.template, bos=told.bos_text, eos=told.eos_text, controls=told.controls
        )
        self.told: queue.Queue[list[tuple[object, Told]]] = queue.Queue()

    def answers(self, asked: Sequence[str]) -> list[str]:
        coming = enumerate(asked)
        for number, text in itertools.islice(coming, WINDOW):
            self.engine.submit(self.job(text), number, self.told.put)
        texts, left = [""] * len(asked), len(asked)
        while left:
            for name, told in self.told.get():
                number = int(str(name))
                if isinstance(told, Piece):
                    texts[number] += told.text
                elif isinstance(told, Ended):
                    left -= 1
                    for following, text in itertools.islice(coming, 1):
                        self.engine.submit(self.job(text), following, self.told.put)
                else:
                    raise told
        return texts

    def job(self, text: str) -> Job:
        parts = self.chat.parts([{"role": "user", "content": text}])
        tokens = [
            token
            for part in parts
            for token in self.engine.tokenize(part.text, special=part.control)
        ]
        sampling = Sampling(temperature=0.0)
        return Job(tokens=tuple(tokens), max_tokens=MOST_TOKENS, sampling=sampling)


def marks(asked: Sequence[Question], answers: Sequence[str]) -> Marks:
    right: dict[str, dict[str, list[bool]]] = {}
    for question, answer in zip(asked, answers, strict=True):
        row = right.setdefault(question.task, {})
        row.setdefault(question.difficulty, []).append(sample.passes(question.sample, answer))
    return {
        task: {difficulty: round(sum(each) / len(each), 4) for difficulty, each in row.items()}
        for task, row in right.items()
    }


def table(found: dict[str, Marks]) -> str:
    names = list(found)
    head = f"{'':<12} {'':<8}" + "".join(f"{name:>9}" for name in names)
    lines = [head, "-" * len(head)]
    for task in next(iter(found.values())):
        lines += [row(found, names, task, difficulty) for difficulty in DIFFICULTIES]
    lines.append("-" * len(head))
    for difficulty in DIFFICULTIES:
        cells = "".join(f"{100 * mean(found[name], difficulty):>8.1f}%" for name in names)
        lines.append(f"{'all tasks':<12} {difficulty:<8}{cells}")
    return "\n".join(lines)


def row(found: dict[str, Marks], names: Sequence[str], task: str, difficulty: str) -> str:
    cells = "".join(f"{100 * found[name][task][difficulty]:>8.1f}%" for name in names)
    return f"{task if difficulty == 'easy' else '':<12} {difficulty:<8}{cells}"


def mean(marks: Marks, difficulty: str) -> float:
    return sum(row[difficulty] for row in marks.values()) / len(marks)


def promises(found: dict[str, Marks]) -> list[str]:
    """What the documents promise of it, each with what was found."""
    said: list[str] = []
    if "q8_0" in found:
        marks = found["q8_0"]
        weak = [task for task, row in marks.items() if row["easy"] < 0.9]
        said.append(verdict(not weak, f"easy >= 90 % at q8_0; below: {', '.join(weak) or 'none'}"))
        shares = [mean(marks, difficulty) for difficulty in DIFFICULTIES]
        fall = " > ".join(f"{100 * share:.1f} %" for share in shares)
        said.append(verdict(shares == sorted(shares, reverse=True), f"it falls at q8_0: {fall}"))
    whole = {name: sum(mean(marks, d) for d in DIFFICULTIES) / 3 for name, marks in found.items()}
    order = " >= ".join(f"{name} {100 * share:.2f} %" for name, share in whole.items())
    said.append(verdict(in_order(list(whole.values())), f"precisions in order: {order}"))
    return said


def in_order(shares: Sequence[float]) -> bool:
    """Neighbours may lie within half a point: these prompts cannot tell them apart."""
    return all(more > less - 0.005 for more, less in itertools.pairwise(shares))


def verdict(held: bool, text: str) -> str:
    return f"{'pass' if held else 'MISS'}  {text}"


def show(asked: Sequence[Question], answers: Sequence[str], most: int) -> None:
    shown: dict[str, int] = {}
    for question, answer in zip(asked, answers, strict=True):
        if sample.passes(question.sample, answer) or shown.get(question.task, 0) >= most:
            continue
        shown[question.task] = shown.get(question.task, 0) + 1
        print(f"[{question.task}, {question.difficulty}] {question.sample.asked!r}")
        print(f"    wanted {question.sample.expected!r}\n    got    {answer!r}")


def measured(given: argparse.Namespace) -> dict[str, Marks]:
    asked = questions(given.tasks, each=given.prompts // len(DIFFICULTIES), seed=given.seed)
    found: dict[str, Marks] = {}
    with variants(given.file, given.variants) as files:
        for name, path in files.items():
            began = time.monotonic()
            sitting = Sitting(path)
            try:
                answers = sitting.answers([question.sample.asked for question in asked])
            finally:
                sitting.engine.close()
            found[name] = marks(asked, answers)
            suite.say(f"{name}: {len(asked)} answers in {time.monotonic() - began:.0f} s")
            show(asked, answers, given.show)
    return found


def record(path: Path, found: dict[str, Marks], how: dict[str, Any]) -> None:
    """As the model's page reads it, beside what the file holds already: how the model was made,
    and other variants, if they were measured alike."""
    held = json.loads(path.read_text()) if path.exists() else {}
    accuracy = held.get("accuracy", {}) if held.get("measured") == how else {}
    for name, marks in found.items():
        for task, row in marks.items():
            for difficulty, share in row.items():
                cells = accuracy.setdefault(task, {})
                both = cells.get(difficulty, {}) | {name: share}
                cells[difficulty] = {known: both[known] for known in VARIANTS if known in both}
    path.write_text(json.dumps(held | {"accuracy": accuracy, "measured": how}, indent=1) + "\n")


def main(words: list[str]) -> int:
    given = arguments(words)
    marks = measured(given)
    print(table(marks))
    print()
    print("\n".join(promises(marks)))
    how = {
        "prompts_per_task": given.prompts,
        "seed": given.seed,
        "sha256": models.checksum(given.file),
        "llama_cpp": llama_cpp.__version__,
    }
    if given.record:
        record(given.record, marks, how)
    print(f"\nWritten to {suite.save('mini', how | {'share_right': marks})}")
    return 0
