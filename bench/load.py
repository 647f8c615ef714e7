"""
The load generator: a process that is told one plan a line and answers one line each.

It samples the CPU of what it is told to watch itself, so that the window is exactly
the one in which it counts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from contextlib import suppress

import uvloop

from bench.closed_loop import loop
from bench.open_streams import HeldConnection, hold, pace
from bench.plan import Json, LoadError, Plan


async def _carry_out(plan: Plan, held: list[HeldConnection]) -> Json:
    match plan.do:
        case "loop":
            return await loop(plan)
        case "pace":
            return await pace(plan)
        case "hold":
            await hold(plan, held)
        case "release":
            for connection in held:
                connection.close()
            held.clear()
    return {}


async def main() -> None:
    """Carry out the plans on standard input, until it ends."""
    running = asyncio.get_running_loop()
    held: list[HeldConnection] = []
    gc.freeze()
    gc.disable()
    while line := await running.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await _carry_out(Plan(**json.loads(line)), held)
        except (LoadError, OSError, TimeoutError) as exc:
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        gc.collect()
        print(json.dumps(answer), flush=True)
    for connection in held:
        connection.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, BrokenPipeError):
        uvloop.run(main())
    os._exit(0)  # the thread that reads standard input would be waited for
