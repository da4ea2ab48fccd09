from __future__ import annotations

import pytest

from bench.soak import RECEIVERS, slope


def test_the_slope_is_that_of_the_straight_line_between_ups_and_downs() -> None:
    points = [(float(second), 1e6 + 300.0 * second + (50 if second % 2 else -50)) for second in range(1001)]
    assert slope(points) == pytest.approx(300, rel=0.01)
    assert slope([(0.0, 5.0), (1.0, 5.0), (7.0, 5.0)]) == 0


def test_so_many_receive_that_20000_packets_go_out_a_second() -> None:
    assert 20_000 <= RECEIVERS * 150 < 20_300
