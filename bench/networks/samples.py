"""What the sampler in a page takes four times a second, as types. Counters are the browser's (W3C webrtc-stats)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class Slot(Struct, frozen=True, rename="camel"):
    """One receiving slot. ``site``: whom it shows, "" for nobody."""

    site: str
    frames_decoded: int
    frame_width: int
    frame_height: int
    freeze_count: int
    total_freezes_duration: float
    bytes_received: int
    concealed_samples: int
    silent_concealed_samples: int
    total_samples_received: int
    jitter_buffer_delay: float
    jitter_buffer_emitted_count: int
    nack_count: int
    pli_count: int


class Sent(Struct, frozen=True):
    """One encoding of a video that the page sends. ``limited``: ``none``, ``cpu``, ``bandwidth`` or ``other``."""

    rid: str
    height: int
    active: bool
    limited: str


class Sample(Struct, frozen=True):
    """``at`` in ms since 1970; ``way``: candidate type and protocol in use; ``trip``: round trip in seconds; ``number``
    and ``own``: which frame of the film the stage and the page's own picture show."""

    at: float
    slots: dict[str, Slot]
    sent: list[Sent]
    way: str | None
    trip: float | None
    number: int | None
    own: int | None


def samples(taken: object) -> list[Sample]:
    """Raises ``msgspec.ValidationError`` when the page gave something else."""
    return msgspec.convert(taken, list[Sample], strict=False)


def steps(before: Slot, after: Slot, name: str) -> float:
    """How far a counter went on; from nothing when the media were made anew."""
    old, new = _counter(before, name), _counter(after, name)
    return new - old if new >= old else new


def _counter(slot: Slot, name: str) -> float:
    value: Any = getattr(slot, name)
    return float(value)
