"""One network namespace with a name of its own, gone when its block ends.

Names carry the process id, so that several runs stand side by side; what a dead run left is removed by the next.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.net.tools import BedUnavailable, run

FOLDER = Path("/run/netns")
PREFIX = "nghisu"
CLONE_NEWNET = 0x4000_0000
"""setns(2)."""

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


class Namespace:
    """Made at once, with its loopback up; ``remove`` ends it. Raises ``BedUnavailable``."""

    def __init__(self, noun: str) -> None:
        self.name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}-{noun}"
        if (FOLDER / self.name).exists():
            _remove(self.name)
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> str:
        return run("ip", "-n", self.name, *words)

    @contextmanager
    def entered(self) -> Generator[None]:
        """Sockets that this thread opens, and processes that it starts, are inside until the block ends."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(FOLDER / self.name, "rb") as away:
            _enter(away.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def remove(self) -> None:
        """Ends what still runs inside, and the namespace. Harmless when it is gone."""
        _remove(self.name)


def sweep() -> list[str]:
    """Removes the namespaces of runs that are dead. Returns their names."""
    dead = [path.name for path in FOLDER.glob(f"{PREFIX}-*") if not _alive(path.name)]
    for name in dead:
        _remove(name)
    return dead


def _alive(name: str) -> bool:
    pid = name.split("-")[1]
    return Path(f"/proc/{pid}").exists()


def _remove(name: str) -> None:
    if not (FOLDER / name).exists():
        return
    with suppress(BedUnavailable):
        for pid in run("ip", "netns", "pids", name).split():
            if int(pid) != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "del", name)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise BedUnavailable(f"setns(2) refused a network namespace: {os.strerror(ctypes.get_errno())}")
