"""The matrix: packets written one by one are the same, octet by octet, as those written by columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relay_ears import Stage, picture, stage

from media import matrix
from media.lot import HEAD, Lot, lots
from media.matrix import Matrix, Outgoing
from media.sendlog import SendLog

PACKETS = st.lists(
    st.tuples(
        st.integers(0, 1 << 40),
        st.integers(0, 7),
        st.integers(8, 1_400),
        st.integers(0, (1 << 32) - 1),
        st.sampled_from([0, 0x80]),
        st.integers(-1, 127),
        st.integers(0, 0x7FFF),
        st.sampled_from([-1, 2]),
        st.integers(0, 255),
        st.sampled_from([-1, 4]),
    ),
    min_size=1,
    max_size=6,
)


def written(lot: Lot, packets: list[Outgoing], padded: list[int]) -> tuple[list[bytes], list[int], bytes]:
    """Packets, sizes that the kernel is told, and what the log counts, in a matrix full of other packets' octets."""
    log = SendLog(8)
    made = Matrix(log)
    made.bytes[:] = 0xA5
    memory = np.random.default_rng(1).integers(0, 256, (8, 1_504), np.uint8)
    made.write(memory, packets, lot, range(lot.size), padded=padded, now=1_234_567)
    rows = range(lot.size * len(packets))
    whole = [bytes(made.bytes[row, : made.lengths[row]]) for row in rows]
    return whole, made.sizes[: len(rows)].tolist(), bytes(log.counts) + bytes(log.ring)


@pytest.fixture(scope="module")
def hall() -> Iterator[Stage]:
    with stage() as an:
        an.seat(5)
        an.begin()
        an.frame([picture(300)])
        yield an


@settings(deadline=None)
@given(packets=PACKETS, more=st.lists(st.integers(0, 12), min_size=6, max_size=6), offset=st.integers(0, 1 << 33))
def test_few_and_many_are_written_alike(hall: Stage, packets: list[Outgoing], more: list[int], offset: int) -> None:
    (lot,) = lots([ear.slot for ear in hall.ears], "H264")
    lot.offsets += offset
    lot.stamps += offset
    lot.pictures += offset & 0x7FFF
    lot.tl0s += offset & 0xFF
    padded = [HEAD + packet[2] + padding for packet, padding in zip(packets, more, strict=False)]
    padded[-1] = HEAD + packets[-1][2]
    singly = written(lot, packets, padded)
    few = matrix.FEW
    try:
        matrix.FEW = 0
        assert written(lot, packets, padded) == singly
    finally:
        matrix.FEW = few
    assert len(singly[0]) == len(hall.ears) * len(packets)
