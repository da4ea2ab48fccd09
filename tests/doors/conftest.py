from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count

import pytest
from gathering import SEATS, Gathering

from bench.office import Office
from bench.product import Product

TURN = "turn:127.0.0.1:3478?transport=udp"
NUMBERS = count(1)
"""Nobody sits in two meetings: invitations are told apart by their addresses."""


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("doors") / "var", NGHISU_TURN=TURN)
    running.wait_ready()
    yield running
    status = running.stop()
    assert status == 0, "\n".join(running.output)
    assert not [line for line in running.output if "Traceback" in line], "\n".join(running.output)


@pytest.fixture(scope="package")
def office(product: Product) -> Office:
    assert product.first_link is not None
    return Office.found(product.url, product.first_link)


@pytest.fixture
async def gathering(product: Product, office: Office, request: pytest.FixtureRequest) -> AsyncIterator[Gathering]:
    """``@pytest.mark.parametrize("gathering", [{"lobby": True}], indirect=True)`` changes the meeting."""
    changes: dict[str, object] = getattr(request, "param", {"microphones": "free"})
    people = {seat: replace(seat, person=f"{seat.person} {next(NUMBERS)}") for seat in SEATS}
    await asyncio.to_thread(office.convene, tuple(people.values()), **changes)
    tickets = {seat: office.tickets[people[seat]].rpartition("/")[2] for seat in SEATS}
    async with AsyncExitStack() as stack:
        yield Gathering(product, tickets, stack)
