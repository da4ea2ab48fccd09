"""What one browser sends from one source: one encoding, or several of the same picture (simulcast, RFC 8853)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from media import clock
from media.clock import SenderClock
from media.encoding import IDLE, LAYER_IDLE, Encoding
from media.ladder import alike, ladder
from media.messages import ProducerInventory, Source
from media.ortc import CLOCK_RATES, Codec, Kind, Sending
from media.wire import Wire

MEASURED = 90_000
"""Least time between two looks at what the layers take, in microseconds: every second tick of the router."""
FORGOTTEN = 5_000_000
"""Microseconds for which an encoding that nobody takes any more counts as watched."""


class Watcher(Protocol):
    """Who is told what a producer does: its router."""

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        """The first packet has come, or (``again``) the first after a picture had gone."""
        ...

    def heard(self, producer: Producer, level: int, now: int) -> None: ...


class Producer:
    """``live``: packets come. ``encodings`` are in the order in which they were offered: the smallest picture first.

    A muted producer feeds nobody and keeps nothing, so that no replay can reveal it.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        source: Source,
        kind: Kind,
        sending: Sending,
        sender_clock: SenderClock,
        watcher: Watcher,
        wire: Wire,
        ask_key_frame: Callable[[Encoding], None],
    ) -> None:
        self.endpoint = endpoint
        self.source: Source = source
        self.kind: Kind = kind
        self.sending = sending
        self.codec: Codec = sending.codec
        self.sender_clock = sender_clock
        self.started = self.muted = self.closed = False
        self.unmuted_at = -1
        """The generation of the stream that the end of a mute began."""
        self.encodings = tuple(Encoding(self, sent, wire, ask_key_frame) for sent in sending.encodings)
        self.ladder = ladder(self.encodings, clock.now())
        self._watcher = watcher
        self._live = False
        self._measured_at = 0
        self._watched: tuple[str, ...] | None = ()
        self._watched_at: dict[str, int] = {}

    @property
    def live(self) -> bool:
        return self._live

    @property
    def packets(self) -> int:
        return sum(encoding.packets for encoding in self.encodings)

    @property
    def octets(self) -> int:
        return sum(encoding.octets for encoding in self.encodings)

    def best(self) -> Encoding:
        """The largest picture that comes now; the largest offered where none comes."""
        return next((encoding for encoding in reversed(self.encodings) if encoding.live), self.encodings[-1])

    def inventory(self) -> ProducerInventory:
        return ProducerInventory(
            source=self.source,
            kind=self.kind,
            mime_type=f"{self.kind}/{self.codec}",
            clock_rate=CLOCK_RATES[self.codec],
            channels=self.sending.channels,
            encodings=len(self.encodings),
        )

    def encoding_started(self, encoding: Encoding) -> None:
        """The first packet of an encoding has come, or the first after a pause."""
        if not self._live:
            self._live, again, self.started = True, self.started, True
            self.ladder = ladder(self.encodings, clock.now())
            self._watcher.producer_started(self, again=again)
        else:
            self.ladder = ladder(self.encodings, clock.now())

    def measure(self, now: int) -> bool:
        """What its layers take now. Returns whether it was time to look."""
        if now - self._measured_at < MEASURED:
            return False
        self._measured_at = now
        for encoding in self.encodings:
            encoding.meter.read(encoding.layer_octets, now)
            encoding.note_rest(now)
        if self.kind == "video":
            measured = ladder(self.encodings, now)
            if not alike(measured, self.ladder):
                self.ladder = measured
        return True

    def tell_watched_again(self) -> None:
        """Who was to be told of ``watched`` may have missed it."""
        self._watched = None

    def watched(self, now: int) -> tuple[str, ...] | None:
        """The rids that anybody takes, or took just now, if they are others than the last time; else ``None``.

        While anything is taken, an encoding that has never come is among them: nobody can choose it before its first
        packet, so a sender, or a pipe, that held it back would hold it back for ever.
        """
        for encoding in self.encodings:
            if encoding.watched:
                self._watched_at[encoding.rid] = now
        taken = {rid for rid, at in self._watched_at.items() if now - at < FORGOTTEN}
        rids = tuple(
            encoding.rid for encoding in self.encodings if encoding.rid in taken or (taken and not encoding.started)
        )
        if rids == self._watched:
            return None
        self._watched = rids
        return rids

    def heard(self, level: int, now: int) -> None:
        """A packet of sound with this level has come, and is not muted."""
        self._watcher.heard(self, level, now)

    def want_key_frame(self) -> None:
        """Of every encoding that somebody takes."""
        for encoding in self.encodings:
            if encoding.watched:
                encoding.want_key_frame()

    def set_muted(self, muted: bool) -> None:
        if self.muted and not muted:
            for encoding in self.encodings:
                encoding.stream.begin_anew()
                self.unmuted_at = encoding.stream.generation
        self.muted = muted

    def check_idle(self, now: int) -> bool:
        """Whether a camera's picture has just gone: no packet for four seconds. A screen may stand still."""
        if self.source != "camera":
            return False
        patience = LAYER_IDLE if len(self.encodings) > 1 else IDLE
        stopped = [encoding.check_idle(now, patience) for encoding in self.encodings]
        if not any(stopped):
            return False
        if not any(encoding.live for encoding in self.encodings):
            self._live = False
            return True
        self.ladder = ladder(self.encodings, clock.now())
        return False

    def close(self) -> None:
        self.closed, self._live = True, False
        for encoding in self.encodings:
            encoding.live = False
            consumers, encoding.consumers = encoding.consumers, []
            for consumer in consumers:
                consumer.ended(self)
        for encoding in self.encodings:
            slots = {**encoding.waiting}
            for fan in encoding.fans():
                slots |= fan.slots
            for slot in slots:
                slot.ended(self)
