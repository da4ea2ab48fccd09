"""One stretch of a slot's outgoing stream that comes from one fan, and how its numbers become the slot's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.fan import Fan


class Segment:
    """``first`` is the slot's own number that begins it. Outgoing value = the fan's value + offset."""

    __slots__ = ("fan", "first", "generation", "offset", "picture_offset", "stamp_offset", "tl0_offset")

    def __init__(
        self, fan: Fan, first: int, *, offset: int, stamp_offset: int, picture_offset: int, tl0_offset: int
    ) -> None:
        self.fan, self.first, self.generation = fan, first, fan.encoding.stream.generation
        self.offset, self.stamp_offset = offset, stamp_offset
        self.picture_offset, self.tl0_offset = picture_offset, tl0_offset
