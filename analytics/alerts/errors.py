"""Why a message did not arrive; the sentence is shown to whoever keeps the channel."""

from __future__ import annotations


class NotDeliveredError(Exception):
    """The message did not arrive."""
