"""llama.cpp prints a grammar that it cannot read past its log: caught, so that no terminal and no
file gets what a client wrote."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ERRORS = 2
SAYS = b"error parsing grammar:"
LONGEST = 120
log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


def parsed(parse: Callable[[], T], grammar: bytes) -> T:
    """What `parse` returns. What others write meanwhile comes out a moment later."""
    with _one_at_a_time, tempfile.TemporaryFile(buffering=0) as caught:
        try:
            own = os.dup(ERRORS)
        except OSError:  # closed: nobody reads it
            return parse()
        try:
            os.dup2(caught.fileno(), ERRORS)
            return parse()
        finally:
            os.dup2(own, ERRORS)
            os.close(own)
            caught.seek(0)
            _pass_on(caught.read(), grammar)


def _pass_on(caught: bytes, grammar: bytes) -> None:
    before, said, rest = caught.partition(SAYS)
    others = caught
    if said:
        echo = grammar.partition(b"\0")[0] + b"\n"
        _, _, after = rest.rpartition(echo)
        others = before[: before.rfind(b"\n") + 1] + (after if echo in rest else b"")
        log.debug("a client's grammar: %s", ascii(rest[:LONGEST].decode(errors="replace")))
    if others:
        os.write(ERRORS, others)
