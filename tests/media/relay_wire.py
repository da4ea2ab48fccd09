"""A wire without keys and sockets: what it would seal is given to the outlets as it is."""

from __future__ import annotations

from collections.abc import Sequence

from media.lot import Lot
from media.matrix import STRIDE, Matrix
from media.sendlog import SendLog
from media.wire import Run, Wire


class PlainWire(Wire):
    def __init__(self) -> None:
        self.log = SendLog(1)
        super().__init__(-1, 16, self.log)
        self.groups: list[list[Run]] = []
        """How the packets of each batch were grouped into messages."""

    @property
    def matrix(self) -> Matrix:
        return self._matrix

    def _launch(self, lot: Lot, receivers: range, padded: Sequence[int], groups: Sequence[Run]) -> None:
        self.groups.append(list(groups))
        for row in receivers:
            for place, size in enumerate(padded):
                at = ((row - receivers.start) * len(padded) + place) * STRIDE
                lot.outlets[row].send_sealed(self.matrix.view[at : at + size])
