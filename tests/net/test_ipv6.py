"""One meeting over both families: the chair has IPv4 alone, an office IPv6 alone. Real Chromium, the real product."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from bench.networks import film
from bench.networks.visitor import Visitor
from bench.office import CHAIR, NORTH, Office
from bench.product import Product
from tests.net.bed import Bed

PATIENCE = 90.0
SENDS = "async () => (await window.nghisu.stats()).transports.send.path"
SEEN = """
async () => {
  const { transports, slots } = await window.nghisu.stats()
  return [transports.receive?.path ?? "", slots["stage-video"]?.framesDecoded ?? 0]
}
"""


def with_ipv6(bed: Bed, name: str) -> str:
    """The site has IPv6 in the place of IPv4. Returns the address at which it reaches the centre."""
    site = bed.sites[name]
    number = str(site.address).split(".")[2]
    middle = site._middle  # pyright: ignore[reportPrivateUsage]
    outer, inner, near = f"fd78:{number}::1", f"fd78:{number}::2", f"fd79:{number}::"
    with middle.entered():
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    for namespace, address, device in (
        (bed.centre, f"{outer}/64", f"site{number}"),
        (middle, f"{inner}/64", "centre"),
        (middle, f"{near}1/64", "site"),
        (site.namespace, f"{near}2/64", "wan"),
    ):
        namespace.ip("address", "add", address, "dev", device, "nodad")
    bed.centre.ip("route", "add", f"{near}/64", "via", inner)
    site.namespace.ip("address", "flush", "dev", "wan", "scope", "global", "to", "10.0.0.0/8")
    site.namespace.ip("-6", "route", "add", "default", "via", f"{near}1")
    return outer


def test_ipv4_and_ipv6_meet_in_one_meeting(tmp_path: Path) -> None:
    with Bed("chair", "office") as bed, sync_playwright() as playwright:
        address = with_ipv6(bed, "office")
        with bed.centre.entered():
            product = Product(
                tmp_path / "var",
                host="::",
                NGHISU_PORT="443",
                NGHISU_ANNOUNCE=f"10.78.1.1,{address}",
                NGHISU_PUBLIC_URL=f"https://[{address}]",
            )
            product.url = f"https://[{address}]"
            try:
                meet(playwright, bed, product, tmp_path)
            finally:
                status = product.stop()
        assert status == 0, "\n".join(product.output)


def meet(playwright: Playwright, bed: Bed, product: Product, folder: Path) -> None:
    product.wait_ready()
    assert product.first_link is not None
    office = Office.found(product.url, product.first_link)
    office.convene((CHAIR, NORTH))
    camera, sound = film.still(folder), film.microphone(folder)
    with ExitStack() as undo:
        visitors: list[Visitor] = []
        for name in ("chair", "office"):
            visitors.append(Visitor(playwright, bed.sites[name].namespace, folder, camera, sound))
            undo.callback(visitors[-1].close)
        chair, north = visitors
        chair.open(office.tickets[CHAIR].replace(product.url, "https://10.78.1.1"))
        chair.join()
        chair.page.get_by_role("button", name="Khai mạc", exact=True).first.click()
        north.open(office.tickets[NORTH])
        north.join()
        sees(north.page)
        assert chair.page.evaluate(SENDS) == "udp"


def sees(page: Page) -> None:
    """The stage's picture comes by UDP."""
    seen = None
    for _ in range(int(PATIENCE / 0.1)):
        seen = page.evaluate(SEEN)
        if seen[0] == "udp" and seen[1] > 30:
            return
        page.wait_for_timeout(100)
    raise TimeoutError(f"the stage; last seen: {seen}")
