"""The shipped product in the centre of a bed, an open meeting, and the two sites that its cases are about."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Error, Playwright

from bench.networks import film
from bench.networks.report import Run
from bench.networks.table import MOVE, Case, Side
from bench.networks.visitor import Visitor
from bench.office import CHAIR, NORTH, Office
from bench.product import Product
from tests.net.bed import Bed
from tests.net.line import CLEAN
from tests.net.measure import read
from tests.net.tools import program

SITES = {"sender": CHAIR, "receiver": NORTH}


class Stand:
    """The chair is on the stage and sends a camera of 720 lines; the other site looks at it."""

    def __init__(self, bed: Bed, office: Office, visitors: dict[str, Visitor]) -> None:
        self._bed, self._office, self._visitors = bed, office, visitors

    def run(self, case: Case, side: Side) -> Run:
        """One case with the poor line at ``side``; the other side has been there for long."""
        site, visitor = self._bed.sites[side], self._visitors[side]
        other = self._visitors["sender" if side == "receiver" else "receiver"]
        site.change(case.line)
        measured = read(self._bed, side, down=side == "receiver")
        changed: list[float] = []
        try:
            other.take()
            visitor.open(self._office.tickets[SITES[side]])
            clicked = visitor.join()
            for at, change in case.changes:
                self._wait(visitor, clicked, at)
                changed.append(time.time() * 1000)
                if change == MOVE:
                    site.move()
                else:
                    site.change(change)
            self._wait(visitor, clicked, case.seconds)
            end = time.time() * 1000
            mine, theirs = visitor.take(), other.take()
        except Error as error:
            return Run(case, side, measured, failure=error.message.partition("\n")[0])
        finally:
            site.change(CLEAN)
            visitor.leave()
        received, sent = (mine, theirs) if side == "receiver" else (theirs, mine)
        return Run(case, side, measured, clicked, tuple(changed), end, received, sent)

    def settle(self, side: Side, seconds: float = 0) -> None:
        """The other side than ``side`` takes its seat, without faults of its line, and stays."""
        seat: Side = "sender" if side == "receiver" else "receiver"
        visitor = self._visitors[seat]
        visitor.open(self._office.tickets[SITES[seat]])
        visitor.join()
        if seat == "sender":
            begin = visitor.page.get_by_role("button", name="Khai mạc", exact=True)
            visitor.page.get_by_role("button", name="Rời họp").first.wait_for()
            if begin.count():
                begin.first.click()
        visitor.page.wait_for_timeout(seconds * 1000)

    @staticmethod
    def _wait(visitor: Visitor, clicked: float, seconds: float) -> None:
        left = clicked + seconds * 1000 - time.time() * 1000
        if left > 0:
            visitor.page.wait_for_timeout(left)


@contextmanager
def standing(playwright: Playwright, folder: Path) -> Generator[Stand]:
    """Product, meeting and browsers. Pages, and TURN over TLS, have port 443 of an address each: some open no other."""
    with ExitStack() as undo:
        bed = undo.enter_context(Bed(*SITES))
        makers = undo.enter_context(ThreadPoolExecutor())
        sound = makers.submit(film.microphone, folder)
        cameras = {"sender": makers.submit(film.camera, folder), "receiver": makers.submit(film.still, folder)}
        with bed.centre.entered():
            product = _product(bed, folder / "var")
            undo.callback(product.stop)
            assert product.first_link is not None
            office = Office.found(product.url, product.first_link)
            office.convene((CHAIR, NORTH))
        visitors: dict[str, Visitor] = {}
        for side, camera in cameras.items():
            inside = bed.sites[side].namespace
            visitors[side] = Visitor(playwright, inside, folder, camera.result(), sound.result())
            undo.callback(visitors[side].close)
        yield Stand(bed, office, visitors)


def _product(bed: Bed, var: Path) -> Product:
    url = f"https://{bed.address}"
    product = Product(
        var,
        host=bed.address,
        NGHISU_PORT="443",
        NGHISU_PUBLIC_URL=url,
        NGHISU_TURN_SERVER=program("turnserver"),
        NGHISU_TURN_HOST=bed.second_address,
        NGHISU_TURN_TLS_PORT="443",
    )
    product.url = url
    return product.wait_ready()
