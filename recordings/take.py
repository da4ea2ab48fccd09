"""One recording while it is made: its folder, its journal, its tracks. Taken up again where a kill left it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from recordings import journal, matroska
from recordings.journal import AnyLine, Begun, Cause, Closed, Journal, Missing, Opened, Pair, Stopped, Told
from recordings.messages import EndTrack, Gap, StartRecording, StartTrack
from recordings.segment import Disk
from recordings.track import Torn, Track

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NOTICED = 10_000
"""The end of a relay is noticed within so many milliseconds: a track that was quiet for longer was silent, not torn."""
LOCK_WAIT = 0.5
"""A recorder that was just killed may still be ending: so many seconds are waited for it."""


def monotonic_us() -> int:
    """The clock that the relay stamps arrivals with: CLOCK_MONOTONIC, one for the whole machine."""
    return time.monotonic_ns() // 1000


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def take_up(before: Journal | None, boot: str, now_us: int, utc_us: int) -> int:
    """Media time zero on this boot's monotonic clock, in microseconds.

    On the same boot it is kept. On another, the last pair says what media time it was, and UTC how long ago.
    """
    if before is None:
        return now_us
    if before.begun.boot == boot and boot:
        return before.begun.zero_us
    last = before.pairs[-1] if before.pairs else Pair(utc_us, 0)
    return now_us - last.media * 1000 - max(0, utc_us - last.utc_us)


class Take:
    """The ``Shelf`` of its tracks. ``on_gap`` takes the number of a gap and the notice for the server."""

    def __init__(
        self, wish: StartRecording, folder: Path, disk: Disk, zero_us: int, on_gap: Callable[[int, Gap], None]
    ) -> None:
        self.wish, self.folder, self.disk = wish, folder, disk
        self.tracks: dict[str, Track] = {}
        self._zero, self._on_gap = zero_us, on_gap
        self._torn: dict[str, Torn] = {}
        self._files: dict[str, int] = {}
        self._gaps = 0
        self._held: int | None = None

    @classmethod
    async def open(cls, wish: StartRecording, folder: Path, disk: Disk, on_gap: Callable[[int, Gap], None]) -> Take:
        """Begins a recording, or takes it up from its journal; then untold gaps are told again.

        Raises ``ValueError`` when the recording was stopped, ``OSError`` when another recorder keeps it.
        """
        lock = await disk.call(lambda: _lock(folder))
        try:
            before, ends = await disk.call(lambda: _survey(folder))
            if before and before.stopped is not None:
                raise ValueError("stopped")
        except BaseException:
            os.close(lock)
            raise
        zero = take_up(before, _boot(), monotonic_us(), time.time_ns() // 1000)
        take = cls(wish, folder, disk, zero, on_gap)
        take._held = lock
        take._write(Begun(wish.meeting, wish.recording, _boot(), zero))
        take.pair()
        if before:
            take._recover(before, ends)
        return take

    def _recover(self, before: Journal, ends: dict[str, int]) -> None:
        latest = {file.track: file for file in before.files}
        for file in before.files:
            self._files[file.track] = self._files.get(file.track, 0) + 1
        for track, file in latest.items():
            closed = before.closed.get(file.file)
            if closed is None or closed.torn == "recorder":
                end = closed.media if closed else ends.get(file.file, file.media)
                self._torn[track] = Torn(end, max(end, before.length), "recorder")
            elif closed.torn:
                self._torn[track] = Torn(closed.media, closed.media, closed.torn)
        self._gaps = len(before.gaps)
        for gap in before.untold:
            self._on_gap(gap.number, self._notice(gap))

    # -- requests -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Media time, in seconds."""
        return self.media(monotonic_us()) / 1000

    def start(self, wish: StartTrack, ssrc: int, ask_key: Callable[[], None]) -> Track:
        """Raises ``ValueError`` when the codec is not kept."""
        if wish.track in self.tracks:
            return self.tracks[wish.track]
        track = Track(
            wish,
            ssrc=ssrc,
            number=self._files.get(wish.track, 0),
            shelf=self,
            torn=self._torn.pop(wish.track, None),
            now=monotonic_us(),
            ask_key=ask_key,
        )
        self.tracks[wish.track] = track
        return track

    def end(self, wish: EndTrack) -> Track | None:
        """A track that was torn away leaves a gap until its return; one that ended leaves none."""
        track = self.tracks.pop(wish.track, None)
        torn = track.end("relay" if wish.cause == "relay" else None) if track else None
        if torn:
            now = self.media(monotonic_us())
            self._torn[wish.track] = torn._replace(alive=now) if now - torn.end > NOTICED else torn
        return track

    async def close(self, stop: bool) -> float:
        """Closes every file, and the journal if the recording ``stop``s. Answers its length, in seconds."""
        for track in self.tracks.values():
            track.end(None if stop else "recorder")
        length = self.media(monotonic_us())
        self.pair()
        if stop:
            self._write(Stopped(length))
        await self.disk.call(self._release)
        return length / 1000

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def pair(self) -> None:
        """Notes what media time it is now. To be called once a second."""
        self._write(Pair(time.time_ns() // 1000, self.media(monotonic_us())))

    def told(self, number: int) -> None:
        self._write(Told(number))

    # -- what the tracks say --------------------------------------------------------------------------------------

    def media(self, at_us: int) -> int:
        return (at_us - self._zero) // 1000

    def opened(self, file: str, wish: StartTrack, at: int) -> None:
        self._files[wish.track] = self._files.get(wish.track, 0) + 1
        self._write(Opened(file, wish.track, wish.site, wish.source, wish.mime_type, at))

    def closed(self, file: str, at: int, torn: Cause | None) -> None:
        self._write(Closed(file, at, torn))

    def missing(self, track: str, start: int, length: int, cause: Cause) -> None:
        self._gaps += 1
        gap = Missing(self._gaps, track, start, length, cause)
        self._write(gap)
        self._on_gap(gap.number, self._notice(gap))

    def _notice(self, gap: Missing) -> Gap:
        return Gap(self.wish.meeting, self.wish.recording, gap.track, gap.media / 1000, gap.length / 1000, gap.cause)

    def _write(self, line: AnyLine) -> None:
        data = journal.encode([line])
        self.disk.post(lambda: journal.append(self.folder / journal.NAME, data))


def _lock(folder: Path) -> int:
    """Holds the folder against other recorders until it is closed or this process ends. Raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    until = time.monotonic() + LOCK_WAIT
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(held)
                raise
            time.sleep(0.02)
        else:
            return held


def _survey(folder: Path) -> tuple[Journal | None, dict[str, int]]:
    """The journal as it stands, and where each file that was not closed ends, by its own time stamps."""
    before = journal.load(folder)
    ends: dict[str, int] = {}
    if before is None:
        return None, ends
    for file in before.files:
        path = folder / file.file
        if file.file not in before.closed and path.exists():
            last = matroska.blocks(path, last_cluster=True)
            if last:
                ends[file.file] = last[-1].at + _length_of_last(last, file.mime_type)
    return before, ends


def _length_of_last(last: list[matroska.Block], mime_type: str) -> int:
    """How long the last frame lasts, in milliseconds: as long as the one before it."""
    usual = 67 if mime_type.lower().startswith("video/") else 20
    return last[-1].at - last[-2].at if len(last) > 1 else usual
