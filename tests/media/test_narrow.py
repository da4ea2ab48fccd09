"""Failing now: a receiver behind a narrow path; payloads as large as the ring takes."""

from __future__ import annotations

from relay_ears import picture, stage
from test_wire import UNEVEN, assert_all_heard

from media import ring
from tests.net.namespace import Namespace


def test_a_path_too_narrow_for_a_segment_loses_nothing_and_doubles_nothing_at_the_others() -> None:
    """The refusal comes in the middle of a fan-out: some receivers have their message already."""
    narrow = Namespace("narrow")
    try:
        narrow.ip("route", "replace", "local", "127.0.0.2/32", "dev", "lo", "table", "local", "mtu", "lock", "700")
        with narrow.entered(), stage(host="0.0.0.0") as an:
            wide = an.seat(20)
            behind = an.seat(2, host="127.0.0.2")
            wide += an.seat(20)
            an.begin()
            for _ in range(2):
                payloads = [picture(size) for size in UNEVEN]
                an.frame(payloads)
                assert_all_heard([*wide, *behind], payloads)
            assert an.wire.sent.unsent == 0
    finally:
        narrow.remove()


def test_the_largest_payload_that_is_kept_fits_into_its_row_with_its_tag() -> None:
    with stage() as an:
        ears = an.seat(3)
        an.begin()
        for size in (ring.STRIDE - 8, ring.STRIDE - 7, ring.STRIDE):
            payloads = [picture(size), picture(size)]
            an.frame(payloads)
            assert_all_heard(ears, payloads)
