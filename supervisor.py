"""Keeps the processes of one machine alive: imports nothing of ours, so that nothing of ours can break it.

A child that ends is started again at once, later when it keeps failing early; one that was killed did not fail. A
child that says its configuration is wrong (``UNUSABLE``) ends everything. Each child reads an empty pipe as its
standard input: its end is the news that the supervisor is gone, and then the child ends too.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence

UNUSABLE = 3
"""Exit status of a child that cannot run as configured (a port is taken, a file is unreadable)."""
PATIENCE = 2.5
SHORT_LIFE = 2.0
LONGEST_PAUSE = 5.0


async def supervise(commands: Sequence[Sequence[str]]) -> int:
    """Runs ``server.py COMMAND…`` for each command until a signal comes. Returns the exit status."""
    os.environ.setdefault("NGHISU_TOKEN", secrets.token_urlsafe(32))
    stop = asyncio.Event()
    status = 0
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)

    async def keep(command: Sequence[str]) -> None:
        nonlocal status
        pause = 0.0
        while not stop.is_set():
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "server.py", *command, "--supervised", stdin=asyncio.subprocess.PIPE, process_group=0
            )
            ended = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if stop.is_set():
                await _end(process)
                return
            if process.returncode == UNUSABLE:
                status = UNUSABLE
                stop.set()
                return
            failing = (process.returncode or 0) > 0 and time.monotonic() - began < SHORT_LIFE
            pause = min(LONGEST_PAUSE, pause * 2 + 0.1) if failing else 0.0
            print(
                f"{' '.join(command)} ended with status {process.returncode}; starting it again",
                file=sys.stderr,
                flush=True,
            )
            await asyncio.sleep(pause)

    await asyncio.gather(*(keep(command) for command in commands))
    return status


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
