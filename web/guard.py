"""What protects every page: state-changing requests come from our own pages, and browsers are told what to refuse."""

from __future__ import annotations

from aiohttp import web

from web.deps import DEPS
from web.errors import ForeignOrigin, Handler

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PERMISSIONS = (
    "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), autoplay=(self), "
    "geolocation=(), payment=(), usb=(), serial=()"
)


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses ``foreign_origin`` when another site's page makes the browser change something here (CSRF).

    Beside the configured origin the address that the request itself was sent to is ours: an office may reach the same
    server by name and by number.
    """
    if request.method not in SAFE_METHODS and request.path.startswith("/api/"):
        origin = request.headers.get("Origin")
        scheme = "https" if request.app[DEPS].secure else "http"
        ours = {request.app[DEPS].origin, f"{scheme}://{request.host}"}
        unsaid = origin is None and request.headers.get("Sec-Fetch-Site") == "same-origin"
        if not unsaid and origin not in ours:
            raise ForeignOrigin
    return await handler(request)


def content_policy(content_type: str, origin: str) -> str:
    """The Content-Security-Policy of a reply. Scripts come from files of ours alone; nobody may frame us.

    Papers and films get no further rule: the browsers' own viewers would be bound by it.
    """
    if content_type == "text/html":
        socket = origin.replace("http", "ws", 1)
        return (
            "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            f"media-src 'self' blob:; font-src 'self' data:; connect-src 'self' {socket}; worker-src 'self' blob:; "
            "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    if content_type in {"application/json", "image/svg+xml"}:
        return "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return "frame-ancestors 'none'"


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Sets the headers of every reply. No referrer: tickets stand in addresses."""
    deps = request.app[DEPS]
    headers = response.headers
    headers.setdefault("Content-Security-Policy", content_policy(response.content_type, deps.origin))
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    if request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if deps.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
