"""Runs the named benchmark, or all; each prints a table and writes JSON under KORA_HOME/bench."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from benchmarks import mini, overhead, streams
from benchmarks.cache import bench as cache
from benchmarks.embed import bench as embed
from benchmarks.faults import bench as faults
from benchmarks.local import bench as local
from benchmarks.routing import bench as routing

BENCHES: dict[str, Callable[[list[str]], int]] = {
    "overhead": overhead.main,
    "streams": streams.main,
    "local": local.main,
    "embed": embed.main,
    "mini": mini.main,
    "cache": cache.main,
    "routing": routing.main,
    "faults": faults.main,
}
ABOUT = {
    "overhead": overhead.__doc__,
    "streams": streams.__doc__,
    "local": local.__doc__,
    "embed": embed.__doc__,
    "mini": mini.__doc__,
    "cache": cache.__doc__,
    "routing": routing.__doc__,
    "faults": faults.__doc__,
}


def usage() -> str:
    names = "\n".join(f"  {name:<12} {about}" for name, about in ABOUT.items())
    return f"usage: python -m benchmarks [NAME [--help]]\n\n{__doc__}\n\n{names}\n"


def main(words: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if not words:
        return max(main([]) for main in BENCHES.values())
    if words[0] in {"-h", "--help"}:
        print(usage())
        return 0
    if words[0] not in BENCHES:
        print(f"There is no benchmark {words[0]!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    return BENCHES[words[0]](words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
