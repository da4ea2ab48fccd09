"""One stream of a producer: a simulcast layer (RFC 8853), or the only one. Its packets, key frames and fans."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from media import clock, h264, vp8
from media.fan import TOP, Fan, Pending
from media.ladder import Meter
from media.ortc import CLOCK_RATES, Codec, Sent
from media.ring import Ring
from media.rtp import Packet
from media.stream import Stream
from media.wire import Wire

if TYPE_CHECKING:
    from media.producer import Producer
    from media.slot import Slot

KEPT_VIDEO, KEPT_AUDIO = 1024, 256
"""Packets kept: three seconds of 3 Mbit/s, five seconds of sound."""

RECENT = 500_000
"""Microseconds for which a key frame serves those who come later: no sender is asked for more than two a second."""

IDLE = 4_000_000
"""Microseconds without a packet after which a camera's picture counts as gone."""

AWAITED = 4_000_000
"""Microseconds within which an encoding that rested comes when it is asked for, or it does not come."""
LAYER_IDLE = 1_500_000
"""The same for one layer of several: the sender has stopped it."""


class Consumer(Protocol):
    """Who takes an encoding's packets one by one: the recorder's door, or the way to another relay."""

    def forward(self, packet: Packet, encoding: Encoding) -> None: ...

    def ended(self, producer: Producer) -> None:
        """The producer is closed and feeds nobody more."""
        ...


class Encoding:
    """``key_frame``: the number of the last key frame that is here as a whole. ``live``: packets come."""

    def __init__(self, producer: Producer, sent: Sent, wire: Wire, ask_key_frame: Callable[[Encoding], None]) -> None:
        self.producer, self.sent, self.rid = producer, sent, sent.rid
        self.codec: Codec = producer.codec
        self.levels = producer.kind == "audio"
        self.stream = Stream(sent.ssrc or 0, CLOCK_RATES[self.codec], repairs=producer.kind == "video")
        self.ring = Ring(KEPT_VIDEO if producer.kind == "video" else KEPT_AUDIO)
        self.describe = _DESCRIBE[self.codec]
        self._row_mask = self.ring.capacity - 1
        self.consumers: list[Consumer] = []
        self.waiting: dict[Slot, None] = {}
        self.wishes: dict[Slot, None] = {}
        """Who is fed by a smaller picture only until this one comes."""
        self.live = False
        self.newest = self.key_frame = self._key_begun = -1
        self.arrival = 0
        self.packets = self.octets = 0
        self.layer_octets = [0, 0, 0, 0]
        """By temporal layer, since the start."""
        self.meter = Meter()
        self.height = 0
        """Lines of the picture, as its last key frame said; 0 where that is not known."""
        self.started = False
        """Whether packets have ever come."""
        self.comes_until = 0
        """While it does not come though somebody takes it: until when it is waited for; 0 where it comes or rests."""
        self._rested = False
        self._wire, self._ask = wire, ask_key_frame
        self._fans: list[Fan | None] = [None] * (TOP + 1)
        self._pending: list[Pending] = []
        self._generation = 0
        self._kept = Packet()

    # -- Fans

    def fan(self, limit: int = TOP) -> Fan:
        """The fan up to a temporal layer; a new one where nobody is fed, so that its numbers begin anew."""
        found = self._fans[limit]
        if found is None or not found.used:
            found = self._fans[limit] = Fan(self, limit, self._wire)
        return found

    def reaches(self, limit: int, number: int) -> bool:
        """Whether a slot may begin at this number in the fan of a temporal layer."""
        found = self._fans[limit]
        return found is None or not found.used or found.origin <= number

    def fans(self) -> list[Fan]:
        return [fan for fan in self._fans if fan is not None]

    @property
    def watched(self) -> bool:
        """Whether anybody takes its packets, or waits or wishes for them."""
        return bool(self.waiting or self.wishes or self.consumers or any(fan.slots for fan in self.fans()))

    # -- Packets

    def received(self, packet: Packet) -> None:
        """A new packet, opened and counted by the stream. It is sent by the next ``flush``."""
        arrival = packet.arrival
        self.arrival = arrival
        if not self.live:
            self.live = self.started = True
            self.producer.encoding_started(self)
        if self.producer.muted:
            return
        if packet.level >= 0:
            self.producer.heard(packet.level, arrival)
        size = packet.end - packet.start
        if not size and self.stream.skip():
            return
        self.describe(packet)
        if not self.ring.keep(packet):
            return
        number = packet.number
        if number > self.newest:  # noqa: PLR1730, a call of max costs as much as three of these lines
            self.newest = number
        self.packets += 1
        self.octets += size
        self.layer_octets[packet.temporal] += size
        if packet.key:
            self._key_began(packet)
        if self._key_begun >= 0 and self.ring.has_frame(self._key_begun, self.newest):
            self.key_frame, self._key_begun = self._key_begun, -1
        if self.consumers:
            for consumer in self.consumers.copy():
                consumer.forward(packet, self)
        if self._generation != self.stream.generation:
            self._begin_anew()
        begun = self._begun(packet) if self.waiting else None
        if not self._pending:
            self._wire.due.append(self)
        self._pending.append(
            (
                number,
                number & self._row_mask,
                size,
                packet.timestamp,
                packet.marker,
                packet.level,
                packet.picture,
                packet.picture_at,
                packet.tl0,
                packet.tl0_at,
                packet.temporal,
                packet.begins,
            )
        )
        if begun:
            for (fan, first), slots in begun.items():
                self.begin(fan, slots, first, arrival)

    def flush(self, now: int) -> None:
        """Sends what has come since the last time to all who are fed."""
        pending, self._pending = self._pending, []
        if pending:
            for fan in self._fans:
                if fan is not None:
                    fan.send(pending, now)

    def find(self, number: int, packet: Packet) -> bool:
        """Fills ``packet`` with a kept one; ``False`` when it is kept no more or never came."""
        return self.ring.find(number, packet)

    def replay_from(self, since: int) -> int:
        """The first number of a replay of what arrived at or after ``since``; -1 when there is none."""
        return self.ring.oldest(self.newest, since, key=self.stream.repairs)

    def recent_key_frame(self) -> int:
        """The number of a key frame so recent that who begins there is soon up to date; -1 when there is none."""
        return self.ring.oldest(self.newest, clock.now() - RECENT, key=True)

    # -- Key frames

    @property
    def key_frame_comes(self) -> bool:
        """Whether a key frame has begun and is not whole yet."""
        return self._key_begun >= 0

    def want_key_frame(self) -> None:
        if self.stream.repairs:
            self.stream.want_key_frame()
            self._ask(self)

    def note_rest(self, now: int) -> None:
        """Some times a second. What rested because nobody took it is waited for; what ceased by itself is not."""
        if self.live or not self.watched:
            self.comes_until = 0
            self._rested = not self.watched
        elif not self.comes_until:
            self.comes_until = now + (AWAITED if self._rested else 0)

    # -- Times

    def sent_at(self, packet: Packet) -> int:
        """When the packet was sent, in the relay's time; its arrival before the first sender report."""
        sent = self.stream.sent_at(packet.timestamp, self.producer.sender_clock)
        return packet.arrival if sent is None else sent

    def mapped(self, now: int) -> tuple[int, int] | None:
        """This moment by the sender's own map: the relay's time, and the sender's time stamp then.

        ``None`` before the first sender report.
        """
        stream = self.stream
        sent = self.producer.sender_clock.local(clock.from_ntp(stream.report_ntp)) if stream.report_ntp else None
        if sent is None:
            return None
        since = now - stream.report_arrival
        return sent + since, stream.report_stamp + since * stream.clock_rate // 1_000_000

    def check_idle(self, now: int, patience: int) -> bool:
        """Whether the packets have just stopped coming."""
        if self.live and now - self.arrival > patience:
            self.live = False
            return True
        return False

    def facts(self) -> dict[str, Any]:
        """For operators (``docs/metrics.md``)."""
        stream = self.stream
        return {
            "rid": self.rid,
            "ssrc": stream.ssrc,
            "live": self.live,
            "height": self.height,
            "bitrate": int(self.meter.rates[-1]),
            "bitrates": [int(rate) for rate in self.meter.rates[: self.meter.layers]],
            "packets": self.packets,
            "octets": self.octets,
            "loss": round(stream.loss, 3),
            "jitter_ms": round(stream.jitter * 1000 / stream.clock_rate, 1),
            "recovered": stream.recovered,
            "missing": len(stream.missing),
            "repair_rtt_ms": stream.rtt // 1000 if stream.recovered else None,
            "key_frames_asked": stream.key_frames_asked,
            "key_frames": stream.key_frames,
            "receivers": sum(len(fan.slots) for fan in self.fans()),
            "waiting": len(self.waiting),
        }

    # --

    def _key_began(self, packet: Packet) -> None:
        self.stream.key_frame_came()
        self._key_begun = packet.number
        if self.codec == "VP8":
            self.height = vp8.height(packet) or self.height

    def _begin_anew(self) -> None:
        """After an outage nothing follows on what was: everybody begins again, a picture at its next key frame."""
        self._generation = self.stream.generation
        for fan in self.fans():
            for slot in list(fan.slots):
                slot.interrupted()

    def _begun(self, packet: Packet) -> dict[tuple[Fan, int], list[Slot]]:
        """Those who waited for this packet, by their fan and the number at which they begin: each group is served in
        one pass. What came before the packet has been sent."""
        self.flush(packet.arrival)
        begun: dict[tuple[Fan, int], list[Slot]] = {}
        for slot in list(self.waiting):
            first = slot.consider(packet, self)
            if first >= 0:
                begun.setdefault((slot.fan_of(), first), []).append(slot)
        return begun

    def begin(self, fan: Fan, slots: list[Slot], first: int, now: int) -> None:
        """Feeds slots whose segments begin at number ``first``, from there to the newest packet that is here.

        What waits to be sent goes to the others first: it lies in the ring already.
        """
        self.flush(now)
        packets = fan.kept(first, self._kept)
        fan.give(slots, packets, now, begins=self.levels)
        for slot in slots:
            slot.begun(packets)
            fan.join(slot)


def _no_picture(packet: Packet) -> None:
    """Sound: every packet is a whole, and nothing in it is renumbered."""
    packet.key = packet.begins = packet.sync = False
    packet.temporal = 0
    packet.picture_at = packet.tl0_at = -1


_DESCRIBE: dict[Codec, Callable[[Packet], None]] = {"opus": _no_picture, "VP8": vp8.describe, "H264": h264.describe}
