"""Until when the next piece of an answer must have come."""

from __future__ import annotations

import asyncio

from inference.words import Call, Timeouts

END_GRACE_S = 0.25


class Clock:
    """Moves its limit with every token; later than the limit is a timeout."""

    def __init__(self, timeouts: Timeouts, call: Call) -> None:
        self._loop = asyncio.get_running_loop()
        self._between_s = timeouts.between_tokens_s
        now = self._loop.time()
        self._end = now + min(timeouts.total_s, call.deadline_s)
        # A whole answer has no first token to wait for.
        first = now + timeouts.first_token_s if call.stream else self._end
        self.until = min(first, self._end)
        self.waiting_for = "first token" if first < self._end else "answer"

    def content(self) -> None:
        """A token came. What is no token (comments, a role) does not buy the upstream time."""
        between = self._loop.time() + self._between_s
        self.until = min(between, self._end)
        self.waiting_for = "next token" if between < self._end else "end"

    def end_soon(self) -> None:
        self.until = min(self._end, self._loop.time() + END_GRACE_S)
