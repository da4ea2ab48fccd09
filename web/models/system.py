from __future__ import annotations

from msgspec import Struct


class RelayView(Struct, frozen=True):
    """One media relay. ``load``: share of one core; ``started``: seconds of the Unix clock; ``packets``: in and out
    since then; ``drops``: packets lost on this machine since then; ``segments``: GSO is used; ``udp`` and ``tcp``:
    connected transports by path. All zero when it does not answer."""

    relay: str
    answers: bool
    load: float
    started: float
    meetings: int
    endpoints: int
    packets: int
    drops: int
    segments: bool
    udp: int
    tcp: int


class SystemView(Struct, frozen=True):
    """``meetings`` and ``seats``: open now, on whatever relay."""

    meetings: int
    seats: int
    recorder: bool
    relays: tuple[RelayView, ...]
