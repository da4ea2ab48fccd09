"""The door of every route: who asks, a body parsed to its type, a reply written from its type."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from meetings.errors import Invalid
from web.deps import DEPS, Deps
from web.sessions import Identity, identify

__all__ = ["MAX_BODY", "Identity", "allowed", "deps", "parse", "reply", "signed_in"]

T = TypeVar("T")
MAX_BODY = 4 * 1024 * 1024
"""The largest body of a request, in bytes: above it the answer is 413 ``too_large``."""

_encoder = msgspec.json.Encoder()


def deps(request: web.Request) -> Deps:
    return request.app[DEPS]


async def signed_in(request: web.Request) -> Identity:
    """Who asks. Raises ``NotSignedIn``."""
    return await identify(request)


async def allowed(request: web.Request, act: str) -> Identity:
    """Who asks, when the office may do ``act`` (``meetings.access.OFFICE_MAY``); else raises ``NotAllowed``."""
    identity = await identify(request)
    identity.require(act)
    return identity


async def parse(request: web.Request, kind: type[T]) -> T:
    """The body as ``kind``. Raises ``Invalid`` with the place and the reason."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        raise Invalid("invalid", field=place.strip("`$."), reason=reason) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("malformed", reason=str(error)) from error


def reply(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=_encoder.encode(body), status=status, content_type="application/json")
