"""The classes of failures that an attempt can end with, and what they have in common."""

from __future__ import annotations

HOPELESS = frozenset({"client", "policy"})
"""No other backend would take it either: the client has to change the request."""
BUS = frozenset({"bus"})
OURS = frozenset({"worker", "unclaimed", "withdrawn", "no-worker", "bus"})
"""KORA itself failed, not the backend: it may be asked once more if there is no other."""
WELL = frozenset({"cancelled", "client", "unsupported", "context", "policy"})
"""Failures that say nothing of how their backend is doing."""
UNSUPPORTED = "unsupported"
"""Another backend may well do what this one cannot."""
BUSY = "busy"
"""Our own engine had no room: the backend is well, and the client may come again."""
