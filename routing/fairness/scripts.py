"""What Redis does in one step, by name; the text of each stands beside this file."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def _text(*names: str) -> str:
    return "\n".join((_FOLDER / f"{name}.lua").read_text() for name in names)


ADMIT = _text("window", "promised", "admit")
SETTLE = _text("window", "promised", "settle")
RENEW = _text("window", "renew")
PUT = _text("turns", "put")
TAKE = _text("turns", "take")
