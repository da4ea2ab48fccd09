"""One browser's receiving side: its slots behind one transport, and what the browser reports of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from media import clock, ortc, rtcp
from media.messages import SLOTS, Look, MediaParameters, SlotOffer
from media.producer import Producer
from media.routing import STAGE_AUDIO, STAGE_VIDEO
from media.sendlog import SendLog
from media.slot import Slot
from media.srtp import Buffer
from media.steering import Steering
from media.transport import Transport


class Downlink:
    """Raises ``ortc.CodecUnknown`` for capabilities that cannot be read."""

    def __init__(
        self,
        endpoint: str,
        transport: Transport,
        *,
        outgoing: Buffer,
        capabilities: MediaParameters,
        numbers: ortc.Numbers,
        log: SendLog,
        on_shown: Callable[[], None],
    ) -> None:
        self.transport = transport
        self.rtt = 0
        self.transport.terminal = self
        self.slots: dict[str, Slot] = {}
        able = ortc.receivable(capabilities)
        transport.numbered = able.numbered and bool(numbers.transport_cc)
        for place, (name, kind) in enumerate(SLOTS):
            group = "stage" if name in (STAGE_VIDEO, STAGE_AUDIO) else name
            receiving = ortc.receiving(kind, f"s{place}", f"{endpoint}.{group}", able, numbers)
            self.slots[name] = Slot(
                name=name,
                receiving=receiving,
                outlet=transport,
                outgoing=outgoing.bytes,
                on_shown=on_shown,
                spend=self._spend,
            )
        self._steering = Steering(
            self.slots.values(), log, transport.lane, numbered=transport.numbered, now=clock.now()
        )
        self._audio = [slot for slot in self.slots.values() if slot.receiving.kind == "audio"]
        self._by_ssrc = {slot.receiving.ssrc: slot for slot in self.slots.values()}

    def offers(self) -> tuple[SlotOffer, ...]:
        """Only slots for which the browser has a codec."""
        return tuple(
            SlotOffer(name, slot.id, name, slot.receiving.kind, slot.receiving.parameters())
            for name, slot in self.slots.items()
            if slot.receiving.codecs
        )

    def shows(self) -> dict[str, str | None]:
        return {name: slot.shown for name, slot in self.slots.items()}

    def expects(self, ssrc: int) -> bool:
        """A receiving transport is sent no media."""
        return False

    def rtp(self, buffer: Buffer, size: int, now: int) -> None:
        """Never called: no stream is expected."""

    def path_changed(self) -> None:
        self._steering.renew(clock.now())
        for slot in self.slots.values():
            slot.path_changed()

    def empty(self) -> None:
        """Nothing reaches the browser any more."""
        for slot in self.slots.values():
            slot.want(None)

    def show(self, wanted: Mapping[str, Producer | None], look: Look | None) -> None:
        """From now on these producers are wanted in the slots of these names, as large as it looks at them."""
        for slot in self._audio:
            if slot.name in wanted:
                slot.show(wanted[slot.name])
        self._steering.show(wanted, look, self._sounds(), clock.now())

    def adapt(self, now: int) -> None:
        """Some times a second: every slot has the best layer for which there is room."""
        self._steering.adapt(self._sounds(), now)

    def rtcp(self, compound: bytes, now: int) -> None:
        if compound[1] == rtcp.TRANSPORT_FEEDBACK and compound[0] & 0x1F == rtcp.TRANSPORT_CC:
            size = 4 + 4 * (compound[2] << 8 | compound[3])
            self._steering.heed(compound[4:size], now)
            compound = compound[size:]
            if not compound:
                return
        for kind, count, body in rtcp.walk(compound):
            if kind == rtcp.TRANSPORT_FEEDBACK and count == rtcp.TRANSPORT_CC:
                self._steering.heed(body, now)
            elif kind == rtcp.TRANSPORT_FEEDBACK and count == rtcp.GENERIC_NACK:
                slot = self._by_ssrc.get(rtcp.media_ssrc(body) or 0)
                if slot is not None:
                    slot.repeat(rtcp.asked(body), now)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.PICTURE_LOSS:
                self._lost_picture(rtcp.media_ssrc(body) or 0)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.FULL_INTRA_REQUEST:
                for ssrc in rtcp.intra_requests(body):
                    self._lost_picture(ssrc)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.APPLICATION:
                bitrate = rtcp.maximum_bitrate(body)
                if bitrate is not None:
                    self._steering.estimate.heed_remb(bitrate, now)
            elif kind == rtcp.RECEIVER_REPORT:
                self._report(body, count, now)

    def tick(self, now: int) -> None:
        """Once a second: sender reports."""
        self.transport.tick(now)
        reports = b"".join(filter(None, (slot.report(now) for slot in self.slots.values())))
        if reports:
            self.transport.send_rtcp(reports)

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "transport": self.transport.facts(),
            "rtt_ms": self.rtt // 1000,
            **self._steering.facts(),
            "slots": {name: slot.facts() for name, slot in self.slots.items()},
        }

    def close(self) -> None:
        self.empty()
        self._steering.close()
        self.transport.close()

    def _report(self, body: bytes, count: int, now: int) -> None:
        """What a receiver report says of our streams: loss and round trip."""
        blocks = rtcp.report_blocks(body, count)
        if blocks:
            self._steering.estimate.heed_loss(max(block.fraction for block in blocks) / 256, now)
        for block in blocks:
            slot = self._by_ssrc.get(block.ssrc)
            if slot is not None:
                slot.reported = block
            if block.last_report:
                passed = (clock.to_ntp(now) >> 16 & 0xFFFF_FFFF) - block.last_report - block.delay & 0xFFFF_FFFF
                if passed < 1 << 20:
                    self.rtt = passed * 1_000_000 >> 16

    def _lost_picture(self, ssrc: int) -> None:
        slot = self._by_ssrc.get(ssrc)
        if slot is not None:
            slot.want_key_frame()

    def _spend(self, size: int) -> bool:
        return self._steering.repairs.spend(size, clock.now())

    def _sounds(self) -> int:
        return sum(slot.fan is not None for slot in self._audio)
