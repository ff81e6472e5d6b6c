"""One job while the engine has it: what it has read, written and cost so far."""

from __future__ import annotations

from array import array

from inference.local import sampling
from inference.local.context import Logits
from inference.local.library import Model
from inference.local.prefix import Lane, Match
from inference.local.text import Text
from inference.local.words import Ended, Job, Piece, Scored, Tell


class Ticket:
    """What the submitter keeps of a job."""

    __slots__ = ("_running",)

    def __init__(self, running: Running) -> None:
        self._running = running

    def cancel(self) -> None:
        """Ends the job within one step; any thread may ask. `Ended` is told with the finish
        `cancelled`, unless the job ended by itself before."""
        self._running.cancelled = True


class Running:
    """Belongs to the engine's thread once it is submitted; only `cancelled` is set by others."""

    __slots__ = (
        "awaits",
        "cached",
        "cancelled",
        "compute_s",
        "deadline",
        "job",
        "lane",
        "limit",
        "name",
        "number",
        "sampler",
        "tell",
        "text",
        "tokens",
        "written",
    )

    def __init__(self, job: Job, name: object, tell: Tell, *, model: Model, context: int) -> None:
        self.job, self.name, self.tell = job, name, tell
        self.number = 0
        self.tokens = array("i", job.tokens)
        self.limit = min(job.max_tokens, context - len(job.tokens))
        self.deadline = job.deadline
        self.sampler = sampling.Sampler(model, job.sampling, job.tokens)
        self.text = Text(job.stop)
        self.lane: Lane | None = None
        self.awaits = Match(None)
        self.cancelled = False
        self.written = self.cached = 0
        self.compute_s = 0.0

    @property
    def owed(self) -> int:
        """Tokens that the model has not seen. One is left when the next can be chosen after it."""
        lane = self.lane  # other threads may ask, for an estimate
        return len(self.tokens) - (lane.read if lane else 0)

    def place(self) -> int:
        return self.lane.number if self.lane else -1

    def write(self, token: int, model: Model, row: Logits) -> tuple[Piece | None, str]:
        """Takes the chosen token: what can be said after it, and the finish or nothing."""
        spelled = model.pieces[token] if token >= 0 else None
        self.written += token >= 0
        if spelled is None:
            return self.text.end(), "stop"
        self.sampler.accept(token)
        self.tokens.append(token)
        piece = self.text.add(spelled, self._scored(token, model, row))
        if self.text.stopped:
            return piece, "stop"
        if self.written >= self.limit or self.sampler.lost:
            return _joined(piece, self.text.end()), "length"
        return piece, ""

    def ended(self, finish: str) -> Ended:
        return Ended(
            finish=finish,
            prompt_tokens=len(self.job.tokens),
            completion_tokens=self.written,
            cached_tokens=self.cached,
            compute_s=self.compute_s,
        )

    def _scored(self, token: int, model: Model, row: Logits) -> Scored | None:
        if self.job.logprobs is None:
            return None
        return sampling.score(model, row, token, self.job.logprobs)


def _joined(piece: Piece | None, rest: Piece | None) -> Piece | None:
    if piece is None or rest is None:
        return piece or rest
    return Piece(text=piece.text + rest.text, scored=piece.scored + rest.scored)
