"""How LiteLLM is asked for embeddings, and what its answers amount to (pure)."""

from __future__ import annotations

from typing import Any

from inference import chunks, terms
from inference.words import Body, Call, Completion, EngineError, Failure, Target

PARAMETERS = ("input", "dimensions", "user", "encoding_format")
"""Nothing else of a client's body is passed on: it could be one of LiteLLM's own switches."""


def asked(target: Target, call: Call) -> dict[str, Any]:
    given = {name: call.body[name] for name in PARAMETERS if call.body.get(name) is not None}
    return {
        "encoding_format": "float",  # else the provider's library asks for base64
        **given,
        **terms.of(target, call),
    }


def completion(answer: Any, target: Target, call: Call) -> Completion:
    body: Body = answer.model_dump(mode="json", exclude_none=True, warnings=False)
    try:
        return chunks.vectors({**body, "model": target.model}, asked=call.body)
    except chunks.MisshapenError:
        raise EngineError(Failure.MALFORMED, "the answer is no list of embeddings") from None
