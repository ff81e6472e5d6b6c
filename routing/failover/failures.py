"""The classes of failures that an attempt can end with, and what they have in common."""

from __future__ import annotations

from analytics import hedged

BUS = frozenset({"bus"})
WORKER = "worker"
OURS = frozenset({WORKER, "unclaimed", "withdrawn", "no-worker", "bus"})
"""KORA itself failed, not the backend: it may be asked once more if there is no other."""
WELL = frozenset({"cancelled", "client", "unsupported", "context", "policy"})
"""Failures that say nothing of how their backend is doing."""
ALIVE = frozenset({"client", "context", "policy"})
"""A provider that refuses a request for what it asks is there."""
CLIENT = "client"
"""No other backend would take it either: the client has to change the request."""
POLICY = "policy"
"""Its content: only who is named for that may be asked as well, else the client is told."""
CONTEXT = "context"
UNSUPPORTED = "unsupported"
"""Another backend may well do what this one cannot."""
BUSY = "busy"
"""Our own engine had no room: the backend is well, and the client may come again."""
LIMITED = "key_transient"
"""Every key of it has to wait: it rests, and is not held to be failing."""
NO_WORKER = "no-worker"
OPEN = "open"
RESTING = "resting"
"""Its provider has said when it takes calls again; that wait is worth it where there is time."""
UNASKED = frozenset({OPEN, RESTING})
"""It was not asked at all: its breaker is open, or it rests as its provider has demanded."""
AGAIN = frozenset({"server", LIMITED, "cut", "malformed", RESTING})
"""The same call may work there a moment later."""
HEDGE_LOST = hedged.LOST
"""Somebody else was asked as well and spoke first: it was let go."""
