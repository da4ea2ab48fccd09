"""What one browser sends from one source: its stream, the packets kept of it, and who is fed from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from media import clock, h264, vp8
from media.messages import ProducerInventory, Source
from media.ortc import CLOCK_RATES, Codec, Kind, Sending
from media.ring import Ring
from media.rtp import Packet
from media.stream import Stream

KEPT_VIDEO, KEPT_AUDIO = 1024, 256
"""Packets kept: three seconds of 3 Mbit/s, five seconds of sound."""

IDLE = 4_000_000
"""Microseconds without a packet after which a camera's picture counts as gone."""


RECENT = 500_000
"""Microseconds for which a key frame serves those who come later: no sender is asked for more than two a second."""


class Consumer(Protocol):
    """Whoever is fed from a producer."""

    def forward(self, packet: Packet, producer: Producer) -> None: ...

    def ended(self, producer: Producer) -> None:
        """The producer is closed and feeds nobody more."""
        ...


class Watcher(Protocol):
    """Who is told what a producer does: its router."""

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        """The first packet has come, or (``again``) the first after a picture had gone."""
        ...

    def heard(self, producer: Producer, level: int, now: int) -> None: ...


class Producer:
    """``live``: packets come. ``key_frame``: the number of the last key frame that is here as a whole.

    A muted producer feeds nobody and keeps nothing, so that no replay can reveal it.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        source: Source,
        kind: Kind,
        sending: Sending,
        sender_clock: clock.SenderClock,
        watcher: Watcher,
        ask_key_frame: Callable[[Producer], None],
    ) -> None:
        self.endpoint = endpoint
        self.source: Source = source
        self.kind: Kind = kind
        self.sending = sending
        self.codec: Codec = sending.codec
        self.consumers: list[Consumer] = []
        self.live = self.started = self.muted = self.closed = False
        self.newest = self.key_frame = self._key_begun = -1
        self.packets = self.octets = 0
        self.unmuted_at = -1
        """The generation of the stream that the end of a mute began."""
        self.stream = Stream(sending.ssrc or 0, CLOCK_RATES[self.codec], repairs=kind == "video")
        self._ring = Ring(KEPT_VIDEO if kind == "video" else KEPT_AUDIO)
        self._clock = sender_clock
        self._watcher = watcher
        self._ask_key_frame = ask_key_frame
        self._arrival = 0

    def inventory(self) -> ProducerInventory:
        return ProducerInventory(
            source=self.source,
            kind=self.kind,
            mime_type=f"{self.kind}/{self.codec}",
            clock_rate=self.stream.clock_rate,
            channels=self.sending.channels,
        )

    def received(self, packet: Packet) -> None:
        """A new packet, opened and counted by the stream."""
        self._arrival = packet.arrival
        if not self.live:
            self.live, again, self.started = True, self.started, True
            self._watcher.producer_started(self, again=again)
        if self.muted:
            return
        if packet.level >= 0:
            self._watcher.heard(self, packet.level, packet.arrival)
        if packet.start == packet.end and self.stream.skip():
            return
        self._describe(packet)
        if packet.key:
            self.stream.key_frame_came()
        if not self._ring.keep(packet):
            return
        self.newest = max(self.newest, packet.number)
        self.packets += 1
        self.octets += packet.end - packet.start
        if packet.key:
            self._key_begun = packet.number
        if self._key_begun >= 0 and self._ring.has_frame(self._key_begun, self.newest):
            self.key_frame, self._key_begun = self._key_begun, -1
        for consumer in self.consumers.copy():
            consumer.forward(packet, self)

    @property
    def key_frame_comes(self) -> bool:
        """Whether a key frame has begun and is not whole yet."""
        return self._key_begun >= 0

    def find(self, number: int, packet: Packet) -> bool:
        """Fills ``packet`` with a kept one; ``False`` when it is kept no more or never came."""
        if not self._ring.find(number, packet):
            return False
        self._describe(packet)
        return True

    def replay_from(self, since: int) -> int:
        """The first number of a replay of what arrived at or after ``since``; -1 when there is none."""
        return self._ring.oldest(self.newest, since, key=self.kind == "video")

    def recent_key_frame(self) -> int:
        """The number of a key frame so recent that who begins there is soon up to date; -1 when there is none."""
        return self._ring.oldest(self.newest, clock.now() - RECENT, key=True)

    def sent_at(self, packet: Packet) -> int:
        """When the packet was sent, in the relay's time; its arrival before the first sender report."""
        sent = self.stream.sent_at(packet.timestamp, self._clock)
        return packet.arrival if sent is None else sent

    def mapped(self, now: int) -> tuple[int, int] | None:
        """This moment by the sender's own map: the relay's time, and the sender's time stamp then.

        ``None`` before the first sender report.
        """
        stream = self.stream
        sent = self._clock.local(clock.from_ntp(stream.report_ntp)) if stream.report_ntp else None
        if sent is None:
            return None
        since = now - stream.report_arrival
        return sent + since, stream.report_stamp + since * stream.clock_rate // 1_000_000

    def want_key_frame(self) -> None:
        if self.kind == "video":
            self.stream.want_key_frame()
            self._ask_key_frame(self)

    def set_muted(self, muted: bool) -> None:
        if self.muted and not muted:
            self.stream.begin_anew()
            self.unmuted_at = self.stream.generation
        self.muted = muted

    def check_idle(self, now: int) -> bool:
        """Whether a camera's picture has just gone: no packet for four seconds. A screen may stand still."""
        if self.live and self.source == "camera" and now - self._arrival > IDLE:
            self.live = False
            return True
        return False

    def close(self) -> None:
        self.closed, self.live = True, False
        consumers, self.consumers = self.consumers, []
        for consumer in consumers:
            consumer.ended(self)

    def _describe(self, packet: Packet) -> None:
        if self.codec == "VP8":
            vp8.describe(packet)
        elif self.codec == "H264":
            h264.describe(packet)
        else:
            packet.key = False
            packet.picture_at = packet.tl0_at = -1
