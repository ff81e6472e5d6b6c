"""What can stand in the way of publishing."""

from __future__ import annotations

from routing.publishing.values import Finding


class Unsound(Exception):  # noqa: N818
    """This working copy has mistakes; nothing was published."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(f"{each.place}: {each.words}" for each in findings))
        self.findings = findings


class NotPublished(Exception):  # noqa: N818
    """Only a version that was published can be brought back."""
