"""How LiteLLM is asked for embeddings, and what its answers amount to (pure)."""

from __future__ import annotations

from typing import Any

from inference import chunks
from inference.words import Body, Call, Completion, EngineError, Failure, Target

PARAMETERS = ("input", "dimensions", "user", "encoding_format")
"""Nothing else of a client's body is passed on: it could be one of LiteLLM's own switches."""


def asked(target: Target, call: Call) -> dict[str, Any]:
    given = {name: call.body[name] for name in PARAMETERS if call.body.get(name) is not None}
    return {
        "encoding_format": "float",  # else the provider's library asks for base64
        **given,
        "model": target.model,
        "api_key": target.secret or None,
        "api_base": target.api_base or None,
        "timeout": min(target.timeouts.total_s, call.deadline_s),
        "num_retries": 0,
        "max_retries": 0,
        "drop_params": False,
        "caching": False,
        "no-log": True,
    }


def completion(answer: Any, target: Target, call: Call) -> Completion:
    body: Body = answer.model_dump(mode="json", exclude_none=True, warnings=False)
    try:
        return chunks.vectors({**body, "model": target.model}, asked=call.body)
    except chunks.MisshapenError:
        raise EngineError(Failure.MALFORMED, "the answer is no list of embeddings") from None
