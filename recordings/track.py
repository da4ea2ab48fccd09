"""One track: packets in, files out, and what is missing between them.

A track is a row of files, each beginning at a key frame; a new one begins after a return, at a new picture size, and
after a disk error. Gaps are measured between the files' own time stamps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from recordings.clock import TrackClock
from recordings.depacketise import Frame, depacketiser
from recordings.journal import Cause
from recordings.matroska import Layout, opus_head
from recordings.messages import StartTrack
from recordings.reorder import Item, Reorder
from recordings.rtp import Packet
from recordings.segment import Disk, Segment

QUIET = 1_000
"""Milliseconds without a packet after which a track is silent (muted, camera off) and not torn."""
LEAST_GAP = 100
"""Shorter absences are told to nobody, in milliseconds."""
ASK_AGAIN = 500_000
"""A key frame that was asked for and did not come is asked for again, in microseconds."""
KEY_EVERY = 10_000_000
"""The longest way back to a key frame, for the composer and for players, in microseconds (ADR 0005)."""
DISK_REST = 1_000
"""After a disk error no file is opened for so many milliseconds."""


class Torn(NamedTuple):
    """Where a track was interrupted, in milliseconds of media time.

    ``end`` is where its last file ends, ``alive`` the last moment at which it was surely being kept.
    """

    end: int
    alive: int
    cause: Cause

    def gap(self, first: int, ready: int, undecodable: bool) -> tuple[int, int]:
        """Start and length of what is missing before the frame at ``first``; length 0 when nothing is.

        ``ready`` is when the track could be received again: what was sent before then and kept by the relay has been
        replayed. ``undecodable``: frames came but could not be kept, so the gap lasts until ``first``.
        """
        quiet = self.alive - self.end > QUIET
        if quiet and first - ready > QUIET:
            return self.end, 0
        start = self.alive if quiet else self.end
        stop = first if undecodable else min(first, ready)
        return start, stop - start if stop - start > LEAST_GAP else 0


class Shelf(Protocol):
    """Where a track puts its files and says what happened to them. Times are media milliseconds."""

    folder: Path
    disk: Disk

    def media(self, at_us: int) -> int:
        """Media time of a moment of the monotonic clock."""
        ...

    def opened(self, file: str, wish: StartTrack, at: int) -> None: ...

    def closed(self, file: str, at: int, torn: Cause | None) -> None: ...

    def missing(self, track: str, start: int, length: int, cause: Cause) -> None: ...


class Track:
    """``ask_key`` sends a picture loss indication to the relay; ``number`` counts the files that the track has."""

    def __init__(
        self,
        wish: StartTrack,
        *,
        ssrc: int,
        number: int,
        shelf: Shelf,
        torn: Torn | None,
        now: int,
        ask_key: Callable[[], None],
    ) -> None:
        self.wish, self.ssrc, self.fresh = wish, ssrc, True
        self._number, self._shelf, self._torn, self._ask_key = number, shelf, torn, ask_key
        self._ready = shelf.media(now)
        self._reorder = Reorder()
        self._frames = depacketiser(wish.mime_type)
        self._clock = TrackClock(wish.clock_rate)
        self._segment: Segment | None = None
        config = opus_head(wish.channels) if wish.kind == "audio" else b""
        self._layout = Layout(wish.mime_type, config, None, wish.channels, wish.clock_rate)
        self._begun = torn is not None
        self._last = self._end = torn.end if torn and wish.kind == "audio" else 0
        self._step = 67
        self._undecodable = False
        self._asked, self._key_at = 0, now
        self._rest_until = 0

    def receive(self, packet: Packet, now: int) -> None:
        """``now`` is the monotonic clock in microseconds."""
        self.fresh = False
        self._take(self._reorder.push(packet, now), now)

    def tick(self, now: int) -> None:
        """To be called several times a second."""
        if self._reorder.waiting:
            self._take(self._reorder.expire(now), now)
        if self.wish.kind == "video" and not self.fresh:
            self._ask_if_due(now)

    def end(self, torn: Cause | None = None) -> Torn | None:
        """Closes the last file. If the track was ``torn`` away, answers where."""
        self._take(self._reorder.flush(), 0)
        self._close(torn)
        if torn is None or not self._begun:
            return None
        return self._torn or Torn(self._end, self._end, torn)

    def _take(self, items: list[Item], now: int) -> None:
        for item in items:
            if not isinstance(item, Packet):
                self._frames.lost()
                self._tear("relay")
                continue
            frame = self._frames.push(item)
            if frame:
                self._keep(frame, now)
            elif self._frames.undecodable and not self._undecodable:
                self._tear("relay")
                if now:
                    self._ask_if_due(now)

    def _tear(self, cause: Cause) -> None:
        """From here until the next frame that is kept, media is missing."""
        self._undecodable = True
        if self._begun and self._torn is None:
            self._torn = Torn(self._end, self._end, cause)

    def _keep(self, frame: Frame, now: int) -> None:
        at = self._shelf.media(self._clock.time(frame.timestamp, frame.arrival))
        video = self.wish.kind == "video"
        if not video and (at < 0 or at < self._last - 5):
            return
        first = self._segment is None
        at = max(at, self._last if first or not video else self._last + 1)
        layout = self._layout._replace(config=frame.config, size=frame.size) if frame.size else self._layout
        if self._segment is None or (frame.key and layout != self._segment.layout):
            if not frame.key or at < self._rest_until:
                self._tear("disk")
                return
            self._open(layout, at)
        assert self._segment is not None
        self._report(at)
        self._segment.write(at, frame.key, frame.data)
        if video and not first:
            self._step = min(QUIET, at - self._last)
        if frame.key:
            self._key_at = now
        self._last = at
        self._end = at + (frame.duration // 1000 or self._step)
        self._begun = True

    def _report(self, at: int) -> None:
        torn, self._torn = self._torn, None
        undecodable, self._undecodable = self._undecodable, False
        if torn:
            start, length = torn.gap(at, self._ready, undecodable)
            if length:
                self._shelf.missing(self.wish.track, start, length, torn.cause)

    def _open(self, layout: Layout, at: int) -> None:
        self._close()
        self._number += 1
        path = self._shelf.folder / f"{self.wish.track}.{self._number}.mkv"
        self._segment = Segment(path, layout, self._shelf.disk, self._broken)
        self._shelf.opened(path.name, self.wish, at)

    def _close(self, torn: Cause | None = None) -> None:
        if self._segment:
            self._segment.close(self._end)
            self._shelf.closed(self._segment.path.name, self._end, torn)
            self._segment = None

    def _broken(self, segment: Segment) -> None:
        if segment is self._segment:
            segment.close(self._end)
            self._segment = None
            self._tear("disk")
            self._rest_until = self._end + DISK_REST
            self._frames.lost()

    def _ask_if_due(self, now: int) -> None:
        due = self._undecodable or now - self._key_at >= KEY_EVERY
        if due and now - self._asked >= ASK_AGAIN:
            self._asked = now
            self._ask_key()
