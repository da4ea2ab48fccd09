"""The lines of a bed do what they say; each test prints what it measured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.net.bed import Bed
from tests.net.line import CLEAN, Line
from tests.net.measure import flow, read
from tests.net.namespace import FOLDER, Namespace, sweep
from tests.net.tools import BedUnavailable, program, run

READINGS = 5
"""A machine that stands still for a moment makes a line look worse than it is, never better: then it is read again."""
ABANDONED = """
import os
from tests.net.namespace import Namespace
print(Namespace("abandoned").name, flush=True)
os._exit(0)
"""


@pytest.fixture
def bed() -> Iterator[Bed]:
    with Bed("site") as made:
        yield made


def test_a_line_without_faults_carries_everything_in_order(bed: Bed) -> None:
    for down in (True, False):
        reading = read(bed, "site", down=down)
        print("down" if down else "up", reading)
        assert (reading.loss, reading.rate, reading.in_order) == (0, None, True)


@pytest.mark.parametrize("down", [True, False])
def test_no_packet_is_earlier_than_the_delay_and_none_overtakes_another(bed: Bed, down: bool) -> None:
    bed.sites["site"].change(Line(delay_ms=100, jitter_ms=40))
    for _ in range(READINGS):
        reading = read(bed, "site", down=down)
        print(reading)
        assert reading.least_ms is not None
        assert reading.least_ms >= 100
        assert reading.in_order
        if reading.least_ms < 180 and reading.spread_ms > 5 and reading.loss == 0:
            return
    raise AssertionError("more than the delay")


@pytest.mark.parametrize("down", [True, False])
def test_a_tenth_is_lost_by_chance(bed: Bed, down: bool) -> None:
    """Of 2000; six standard deviations are 4 per cent."""
    bed.sites["site"].change(Line(loss=0.1))
    reading = read(bed, "site", down=down)
    print(reading)
    assert 0.06 < reading.loss < 0.14


def test_the_rate_follows_every_change_while_the_line_is_up(bed: Bed) -> None:
    site = bed.sites["site"]
    for rate in (3_000_000, 400_000, 3_000_000):
        site.change(Line(rate=rate))
        for down in (True, False):
            carries(bed, rate, down=down)
    site.change(CLEAN)
    assert len(flow(bed.centre, site.namespace, str(site.address), count=500, size=1200, gap=0)) == 500


def test_a_full_queue_drops_what_is_more_than_its_milliseconds(bed: Bed) -> None:
    site = bed.sites["site"]
    site.change(Line(rate=400_000, queue_ms=200))
    arrivals = flow(bed.centre, site.namespace, str(site.address), count=100, size=1200, gap=0)
    longest = max(arrival.took for arrival in arrivals)
    print(f"{len(arrivals)} of 100 came, the last after {longest * 1000:.0f} ms")
    assert len(arrivals) < 30
    assert 0.1 < longest < 0.3


def test_rate_loss_and_delay_can_be_had_together(bed: Bed) -> None:
    bed.sites["site"].change(Line(rate=1_500_000, loss=0.1, delay_ms=30))
    reading = read(bed, "site", down=True)
    print(reading)
    assert reading.least_ms is not None
    assert reading.least_ms >= 30
    assert reading.loss > 0.05
    assert reading.rate is not None
    assert reading.rate < 1.05 * 1_500_000


def test_where_udp_is_blocked_nothing_comes_by_udp_and_tcp_goes_on(bed: Bed) -> None:
    bed.sites["site"].change(Line(blocked="udp"))
    for down in (True, False):
        assert read(bed, "site", down=down).loss == 1
    assert reached(bed, 8443)


def test_where_only_443_is_open_no_other_port_answers(bed: Bed) -> None:
    bed.sites["site"].change(Line(blocked="all but 443/tcp"))
    assert read(bed, "site", down=False).loss == 1
    assert reached(bed, 443)
    assert not reached(bed, 8443)


def test_a_site_that_moves_has_a_new_address_and_the_old_one_is_gone(bed: Bed) -> None:
    site = bed.sites["site"]
    old = str(site.address)
    new = str(site.move())
    assert new != old
    assert read(bed, "site", down=True).loss == 0
    with pytest.raises(OSError, match="assign"):
        flow(bed.centre, site.namespace, old, count=1, size=32, gap=0)


def test_beds_stand_side_by_side_and_leave_nothing() -> None:
    before = {path.name for path in FOLDER.glob("*")}
    with Bed("site") as one, Bed("site") as other:
        other.sites["site"].change(Line(blocked="udp"))
        assert read(one, "site", down=True).loss == 0
        assert read(other, "site", down=True).loss == 1
        names = {path.name for path in FOLDER.glob(f"*-{os.getpid()}-*")} - before
        assert {one.centre.name, other.centre.name} <= names
        assert len(names) == 6
    assert not names & {path.name for path in FOLDER.iterdir()}


def test_what_a_dead_run_left_is_removed_by_the_next() -> None:
    left = subprocess.run([sys.executable, "-c", ABANDONED], capture_output=True, text=True, check=True).stdout.strip()
    assert (FOLDER / left).exists()
    assert left in sweep()
    assert not (FOLDER / left).exists()


def test_a_missing_program_fails_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.net.tools.PACKAGES", {"nghisu-no-such": "the-package"})
    with pytest.raises(BedUnavailable, match="install the-package"):
        program("nghisu-no-such")


def test_a_kernel_without_the_queue_fails_with_a_sentence() -> None:
    namespace = Namespace("kernel")
    try:
        with pytest.raises(BedUnavailable, match="kernel has no"):
            run("tc", "-n", namespace.name, "qdisc", "add", "dev", "lo", "root", "nghisu-none")
    finally:
        namespace.remove()


def carries(bed: Bed, rate: int, *, down: bool) -> None:
    """The line carries no more than this rate, and about as much."""
    for _ in range(READINGS):
        reading = read(bed, "site", down=down)
        print(reading)
        assert reading.rate is not None
        assert reading.rate < 1.05 * rate
        if reading.rate > 0.6 * rate:
            return
    raise AssertionError("less than the rate")


def reached(bed: Bed, port: int) -> bool:
    """Whether a TCP connection from the site to that port of the centre comes about within two seconds."""
    with bed.centre.entered():
        door = socket.create_server((bed.address, port))
    with bed.sites["site"].namespace.entered():
        visitor = socket.socket()
    with door, visitor:
        visitor.settimeout(2)
        try:
            visitor.connect((bed.address, port))
        except TimeoutError:
            return False
        return True
