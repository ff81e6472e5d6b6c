"""A process that has one engine, or a way to one, and does the work that its input names, line by
line: `python -m benchmarks.local.host KIND OPTIONS` with options in JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, TextIO

from benchmarks.local.lanes import Door, Lanes
from benchmarks.local.work import Work


def opened(kind: str, options: dict[str, Any]) -> Door:
    """Imported where chosen: no process has the packages of all."""
    if kind == "ours":
        from benchmarks.local.ours import Ours

        return Ours(**options)
    if kind == "bare":
        from benchmarks.local.bare import Bare

        return Bare(**options)
    if kind == "xllamacpp":
        from benchmarks.local.xllama import Xllama

        return Xllama(**options)
    from benchmarks.local.wire import Wire

    return Wire(**options)


async def serve(door: Door, answers: TextIO) -> None:
    say(answers, {"address": door.address})
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(answers, await Lanes(door, Work.read(line)).run())
    finally:
        await door.close()


def say(answers: TextIO, told: dict[str, Any]) -> None:
    print(json.dumps(told), file=answers, flush=True)


def main() -> None:
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what the libraries print is no answer
        asyncio.run(serve(opened(kind, options), answers))


if __name__ == "__main__":
    main()
