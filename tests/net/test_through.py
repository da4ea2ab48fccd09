"""Media get through where firewalls close ports, and come back after a change of network: in real Chromium.

The times are printed; what they must not exceed is held by ``bench networks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, sync_playwright

from bench.networks import film
from bench.networks.visitor import Visitor
from bench.office import CHAIR, NORTH, Office
from bench.product import Product
from tests.net.bed import Bed
from tests.net.line import CLEAN, Line
from tests.net.site import Site
from tests.net.tools import program

PATIENCE = 90.0
STATS = "async () => await window.nghisu.stats()"
SHOWN = """
() => {
  const video = document.querySelector('video[data-slot="stage-video"]')
  return video ? video.getVideoPlaybackQuality().totalVideoFrames : 0
}
"""
FIRST = """
() => {
  const at = (name) => performance.getEntriesByName(`nghisu.${name}`)[0]?.startTime ?? null
  return at("first-remote-frame") && at("first-remote-frame") - at("join-click")
}
"""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    with Bed("chair", "office") as made:
        yield made


@pytest.fixture(scope="module")
def office(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Pages at port 443 of one address, TURN over TLS at port 443 of another."""
    url = f"https://{bed.address}"
    with bed.centre.entered():
        product = Product(
            tmp_path_factory.mktemp("product") / "var",
            host=bed.address,
            NGHISU_PORT="443",
            NGHISU_PUBLIC_URL=url,
            NGHISU_TURN_SERVER=program("turnserver"),
            NGHISU_TURN_HOST=bed.second_address,
            NGHISU_TURN_TLS_PORT="443",
        )
        product.url = url
        try:
            product.wait_ready()
            assert product.first_link is not None
            made = Office.found(url, product.first_link)
            made.convene((CHAIR, NORTH))
            yield made
        finally:
            status = product.stop()
    assert status == 0, "\n".join(product.output)
    assert not [line for line in product.output if "Traceback" in line], "\n".join(product.output)


@pytest.fixture(scope="module")
def north(
    playwright: Playwright, bed: Bed, office: Office, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    """Somebody who has not come yet to a meeting whose chair is on the stage."""
    folder = tmp_path_factory.mktemp("browsers")
    camera, sound = film.still(folder), film.microphone(folder)
    chair = Visitor(playwright, bed.sites["chair"].namespace, folder, camera, sound)
    visitor = Visitor(playwright, bed.sites["office"].namespace, folder, camera, sound)
    chair.open(office.tickets[CHAIR])
    chair.join()
    chair.page.get_by_role("button", name="Khai mạc", exact=True).first.click()
    until(chair.page, lambda: path(chair.page, "send"), lambda found: found == "udp", "the chair sends")
    yield visitor
    visitor.close()
    chair.close()


@pytest.fixture
def site(bed: Bed, north: Visitor) -> Iterator[Site]:
    yield bed.sites["office"]
    north.leave()
    bed.sites["office"].change(CLEAN)


def test_where_udp_is_blocked_media_flow_by_tcp(north: Visitor, office: Office, site: Site) -> None:
    site.change(Line(blocked="udp"))
    seconds = come(north, office)
    print(f"by TCP {seconds:.1f} s after the click")
    assert {path(north.page, "receive"), path(north.page, "send")} == {"tcp"}


def test_where_only_443_is_open_media_flow_through_turn_over_tls(north: Visitor, office: Office, site: Site) -> None:
    site.change(Line(blocked="all but 443/tcp"))
    seconds = come(north, office)
    print(f"through TURN over TLS {seconds:.1f} s after the click")
    assert {path(north.page, "receive"), path(north.page, "send")} == {"relay-tls"}


def test_a_change_of_address_keeps_the_media_and_their_keys(north: Visitor, office: Office, site: Site) -> None:
    come(north, office)
    before, shown = stats(north.page)["endpoint"], north.page.evaluate(SHOWN)
    site.move()
    moved = north.page.evaluate("performance.now()")
    goes_on(north.page, shown + 60)
    print(
        f"two seconds of pictures within {(north.page.evaluate('performance.now()') - moved) / 1000:.1f} s of the move"
    )
    assert stats(north.page)["endpoint"] == before


def test_an_address_that_changes_without_a_gap_is_noticed_too(north: Visitor, office: Office, site: Site) -> None:
    """The new one is there before the old one goes: the browser tells of no change."""
    come(north, office)
    before, shown = stats(north.page)["endpoint"], north.page.evaluate(SHOWN)
    old, new = str(site.address), str(site.address + 200)
    with site.namespace.entered():
        Path("/proc/sys/net/ipv4/conf/wan/promote_secondaries").write_text("1")
    site.namespace.ip("address", "add", f"{new}/24", "dev", "wan")
    site.namespace.ip("address", "del", f"{old}/24", "dev", "wan")
    site.namespace.ip("route", "replace", "default", "via", f"{new.rpartition('.')[0]}.1")
    moved = north.page.evaluate("performance.now()")
    goes_on(north.page, shown + 200)
    print(f"seven seconds of pictures within {(north.page.evaluate('performance.now()') - moved) / 1000:.1f} s")
    assert stats(north.page)["endpoint"] == before


def test_a_firewall_that_closes_in_the_middle_moves_media_to_tcp(north: Visitor, office: Office, site: Site) -> None:
    come(north, office)
    assert path(north.page, "receive") == "udp"
    before = stats(north.page)["endpoint"]
    site.change(Line(blocked="udp"))
    until(north.page, lambda: path(north.page, "receive"), lambda found: found == "tcp", "media move to TCP")
    goes_on(north.page, north.page.evaluate(SHOWN) + 60)
    assert stats(north.page)["endpoint"] == before


def come(visitor: Visitor, office: Office) -> float:
    """Joins and waits for the stage's picture. Returns the seconds from the click to the first frame."""
    visitor.open(office.tickets[NORTH])
    visitor.join()
    page = visitor.page
    first = until(page, lambda: page.evaluate(FIRST), lambda found: found is not None, "the first frame")
    goes_on(page, 30)
    until(page, lambda: path(page, "send"), lambda found: found != "", "a path for what the office sends")
    return first / 1000


def goes_on(page: Page, frames: int) -> None:
    until(page, lambda: page.evaluate(SHOWN), lambda shown: shown > frames, f"the picture goes on to frame {frames}")


def stats(page: Page) -> Any:
    return page.evaluate(STATS)


def path(page: Page, direction: str) -> str:
    return stats(page)["transports"].get(direction, {}).get("path", "")


def until(page: Page, look: Callable[[], Any], good: Callable[[Any], bool], why: str) -> Any:
    """What ``look`` returns once it is good. Raises ``TimeoutError`` with the last thing seen."""
    seen = None
    for _ in range(int(PATIENCE / 0.1)):
        seen = look()
        if good(seen):
            return seen
        page.wait_for_timeout(100)
    raise TimeoutError(f"{why}; last seen: {seen}")
