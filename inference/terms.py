"""What every call through LiteLLM is told: where, with which key, and nothing of its own accord."""

from __future__ import annotations

from typing import Any

from inference.words import Call, Target


def of(target: Target, call: Call) -> dict[str, Any]:
    return {
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
