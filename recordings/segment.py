"""One file of a track, written by the disk thread: the loop that receives media never waits for a disk."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from recordings import matroska

T = TypeVar("T")
log = logging.getLogger("nghisu.recorder")


class Disk:
    """One thread that carries out what is posted, in order."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")

    def post(self, work: Callable[[], None]) -> None:
        self._thread.submit(_guarded, work)

    async def call(self, work: Callable[[], T]) -> T:
        """The answer of ``work``, after everything posted before it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Returns when everything posted is done."""
        self._thread.shutdown()


def _guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        log.exception("the disk thread failed")


class Segment:
    """Appends frames to a new file. ``on_broken`` is called on the loop when the disk refuses."""

    def __init__(self, path: Path, layout: matroska.Layout, disk: Disk, on_broken: Callable[[Segment], None]) -> None:
        self.path, self.layout = path, layout
        self._disk, self._on_broken = disk, on_broken
        self._loop = asyncio.get_running_loop()
        self._writer = matroska.Writer(layout)
        self._waiting = [self._writer.head()]
        self._file: int | None = None
        self._failed = False
        self._loop.call_soon(self._flush)

    def write(self, at: int, key: bool, data: bytes) -> None:
        """One frame at its media time, in milliseconds."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(self._writer.block(at, key, data))

    def close(self, end: int) -> None:
        """Adds the index and the duration; ``end`` is media time in milliseconds."""
        self._waiting.append(self._writer.tail())
        patches = self._writer.patches(end)
        self._flush()
        self._disk.post(lambda: self._close(patches))

    def _flush(self) -> None:
        if self._waiting:
            data, self._waiting = b"".join(self._waiting), []
            self._disk.post(lambda: self._append(data))

    # -- on the disk thread ---------------------------------------------------------------------------------------

    def _append(self, data: bytes) -> None:
        if self._failed:
            return
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            log.error("cannot write %s: %s", self.path.name, error)
            self._failed = True
            self._loop.call_soon_threadsafe(self._on_broken, self)

    def _close(self, patches: list[tuple[int, bytes]]) -> None:
        if self._file is None:
            return
        try:
            if not self._failed:
                for offset, data in patches:
                    os.pwrite(self._file, data, offset)
                os.fsync(self._file)
        finally:
            os.close(self._file)
            self._file = None
