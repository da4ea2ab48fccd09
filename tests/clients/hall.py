"""A meeting that begins now in the real product, which runs where it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import ParamSpec, TypeVar

from bench.office import CHAIR, NORTH, SOUTH, Office
from bench.product import Product
from tests.net.namespace import Namespace

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def meeting(folder: Path, *, host: str = "127.0.0.1", place: Namespace | None = None) -> AsyncGenerator[Office]:
    """Three seats are invited. ``place``: the namespace that has ``host``; ``None`` is this machine."""
    product = await inside(place, Product, folder / "var", host=host)
    try:
        await inside(place, product.wait_ready)
        assert product.first_link is not None
        office = await inside(place, Office.found, product.url, product.first_link)
        await inside(place, office.convene, (CHAIR, NORTH, SOUTH))
        yield office
    finally:
        status = await asyncio.to_thread(product.stop)
    assert status == 0, "\n".join(product.output)
    assert not [line for line in product.output if "Traceback" in line], "\n".join(product.output)


async def inside(place: Namespace | None, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``do`` in a thread whose sockets and children are in ``place``."""

    def there() -> T:
        with place.entered() if place else nullcontext():
            return do(*args, **kwargs)

    return await asyncio.to_thread(there)
