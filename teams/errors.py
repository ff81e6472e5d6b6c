"""What can go wrong with knowing who somebody is, and with what they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class InvalidKey(Exception):  # noqa: N818
    """This API key is missing, malformed, unknown, revoked or expired."""


class Stale(Exception):  # noqa: N818
    """This has changed since you read it: read it again, and send its new ETag as If-Match."""


class LastOwner(Exception):  # noqa: N818
    """A team needs an owner: make somebody else an owner first."""


class Refused(Exception):  # noqa: N818
    """It cannot be saved as it stands: what is wrong, by place."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        told = (f"{place}: {words}" for place, said in errors.items() for words in said)
        super().__init__("; ".join(told))
        self.errors = errors
