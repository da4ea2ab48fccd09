"""One stretch of a slot's outgoing stream that comes from one producer, and how its numbers become the slot's."""

from __future__ import annotations

from media.producer import Producer


class Segment:
    """``first`` is the producer's number that begins it. Outgoing value = incoming value + offset."""

    __slots__ = ("first", "generation", "offset", "picture_offset", "producer", "stamp_offset", "tl0_offset")

    def __init__(
        self,
        *,
        producer: Producer,
        generation: int,
        first: int,
        offset: int,
        stamp_offset: int,
        picture_offset: int,
        tl0_offset: int,
    ) -> None:
        self.producer, self.generation, self.first, self.offset = producer, generation, first, offset
        self.stamp_offset, self.picture_offset, self.tl0_offset = stamp_offset, picture_offset, tl0_offset
