"""How an answer is written for the path that was asked: under its id, in its shape (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from routing import answers, completions
from routing.answers import Body


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """Everything inside speaks chat; `form` is what the path that was asked speaks."""

    form: str
    answer_id: str

    def whole(self, body: Body) -> bytes:
        if self.form == "embeddings":
            return answers.vectors(body)
        return answers.with_id(answers.strip(self._shown(body)), self.answer_id)

    def chunk(self, chunk: Body) -> bytes:
        return answers.event(answers.strip(self._shown(chunk)), self.answer_id)

    def last(self, like: Body, usage: Body) -> bytes:
        """The chunk that ends every stream; `like` says of which model it is, and of when."""
        kind = "text_completion" if self.form == "text" else "chat.completion.chunk"
        return answers.usage_event(like, kind=kind, usage=usage, answer_id=self.answer_id)

    def _shown(self, body: Body) -> Body:
        return completions.shown(body) if self.form == "text" else body


def of(form: str, exchange_id: UUID) -> Script:
    kind = "cmpl" if form == "text" else "chatcmpl"
    return Script(form=form, answer_id=f"{kind}-{exchange_id.hex}")


def usage(*, prompt: int, completion: int, cached: int, reasoning: int) -> dict[str, Any]:
    """Tokens in OpenAI's words."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def money(cost: Decimal, *, saved: Decimal, estimated: bool) -> dict[str, Any]:
    return {"cost": answers.usd(cost), "saved": answers.usd(saved), "estimated": estimated}
