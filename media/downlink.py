"""One browser's receiving side: its slots behind one transport, and what the browser reports of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from media import ortc, rtcp
from media.messages import SLOTS, MediaParameters, SlotOffer
from media.routing import STAGE_AUDIO, STAGE_VIDEO
from media.slot import Slot
from media.srtp import Buffer
from media.transport import Transport

ALLOWANCE = 64_000
"""Bytes of repetitions that may go out at once."""
SHARE = 4
"""One byte of repetitions for so many bytes of media: without a limit they choke a thin link (``relay.md``)."""
TRICKLE = 25_000
"""Bytes of repetitions granted each second besides."""


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
        on_shown: Callable[[], None],
    ) -> None:
        self.transport = transport
        self.transport.terminal = self
        self._allowance, self._granted = ALLOWANCE, 0
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
        for slot in self.slots.values():
            slot.path_changed()

    def empty(self) -> None:
        """Nothing reaches the browser any more."""
        for slot in self.slots.values():
            slot.show(None)

    def rtcp(self, compound: bytes, now: int) -> None:
        for kind, count, body in rtcp.walk(compound):
            if kind == rtcp.TRANSPORT_FEEDBACK and count == rtcp.GENERIC_NACK:
                slot = self._by_ssrc.get(rtcp.media_ssrc(body) or 0)
                if slot is not None:
                    slot.repeat(rtcp.asked(body), now)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.PICTURE_LOSS:
                self._lost_picture(rtcp.media_ssrc(body) or 0)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.FULL_INTRA_REQUEST:
                for ssrc in rtcp.intra_requests(body):
                    self._lost_picture(ssrc)

    def tick(self, now: int) -> None:
        """Once a second: sender reports, and bytes granted for repetitions."""
        self.transport.tick(now)
        octets = sum(slot.octets for slot in self.slots.values())
        grant = (octets - self._granted) // SHARE + TRICKLE
        self._allowance, self._granted = min(ALLOWANCE, self._allowance + grant), octets
        reports = b"".join(filter(None, (slot.report(now) for slot in self.slots.values())))
        if reports:
            self.transport.send_rtcp(reports)

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "transport": self.transport.facts(),
            "slots": {
                name: {
                    "shown": slot.shown,
                    "packets": slot.packets,
                    "repeated": slot.repeated,
                    "unknown": slot.unknown,
                    "switches": slot.switches,
                }
                for name, slot in self.slots.items()
            },
        }

    def close(self) -> None:
        self.empty()
        self.transport.close()

    def _lost_picture(self, ssrc: int) -> None:
        slot = self._by_ssrc.get(ssrc)
        if slot is not None:
            slot.want_key_frame()

    def _spend(self, size: int) -> bool:
        if self._allowance < size:
            return False
        self._allowance -= size
        return True
