"""What can be wrong with a rule as somebody wrote it."""

from __future__ import annotations


class Unreadable(ValueError):  # noqa: N818
    """A rule that does not say what KORA could do; `place` is where in it."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why
