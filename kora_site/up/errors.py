"""What keeps KORA from starting, as one sentence for the person at the terminal."""

from __future__ import annotations


class CannotStart(Exception):
    """KORA cannot start."""
