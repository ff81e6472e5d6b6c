"""How much of this machine's memory models may take."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

SHARE_OF_MEMORY = 0.5
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@functools.cache
def for_models() -> int:
    """Half of what the machine has; a container's limit counts when it is lower."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in LIMITS:
        with contextlib.suppress(OSError, ValueError):
            whole = min(whole, int(Path(limit).read_text()))
    return int(whole * SHARE_OF_MEMORY)
