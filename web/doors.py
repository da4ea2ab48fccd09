"""The door of every route: a body parsed to its type, a reply written from its type."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from meetings.errors import Invalid
from web.deps import DEPS, Deps

T = TypeVar("T")
MAX_BODY = 4 * 1024 * 1024

_encoder = msgspec.json.Encoder()


def deps(request: web.Request) -> Deps:
    return request.app[DEPS]


async def parse(request: web.Request, kind: type[T]) -> T:
    """The body as ``kind``. Raises ``Invalid`` with the place and the reason."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        raise Invalid("invalid", field=place.strip("`$."), reason=reason) from error
    except msgspec.DecodeError as error:
        raise Invalid("malformed", reason=str(error)) from error


def reply(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=_encoder.encode(body), status=status, content_type="application/json")
