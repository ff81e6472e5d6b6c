"""What keeps KORA from starting, as one sentence for the person at the terminal."""

from __future__ import annotations


class StartError(Exception):
    """KORA cannot start."""
