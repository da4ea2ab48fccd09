from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from office import Office

from web import pages


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built client, and a secret beside it."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / ".vite").mkdir()
    (static / "portal.html").write_text("<!doctype html><title>portal</title>")
    (static / "room.html").write_text("<!doctype html><title>room</title>")
    (static / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (static / "assets" / "room-a1b2.js").write_text("export {}")
    (static / "assets" / "room-a1b2.css").write_text("a{}")
    (static / ".vite" / "manifest.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pages, "STATIC", static)
    return static


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/welcome/x", "/meetings", "/meetings/1/edit", "/archive/1", "/system"]
)
async def test_portal_addresses_show_the_portal(built: Path, office: Office, path: str) -> None:
    answer = await office.browser().get(path)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert b"portal" in answer.body
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_a_ticket_opens_the_room_page(built: Path, office: Office) -> None:
    assert b"<title>room" in (await office.browser().get("/join/eyJhbGciOiJIUzI1NiJ9.e30.sig")).body


async def test_files_named_by_their_digest_are_kept_for_good(built: Path, office: Office) -> None:
    browser = office.browser()
    script = await browser.get("/static/assets/room-a1b2.js")
    assert script.headers["Content-Type"] in {"text/javascript", "application/javascript"}
    assert script.body == b"export {}"
    assert "immutable" in script.headers["Cache-Control"]
    style = await browser.get("/static/assets/room-a1b2.css")
    assert style.headers["Content-Type"] == "text/css"
    icon = await browser.get("/static/icon.svg")
    assert (icon.headers["Content-Type"], icon.headers["Cache-Control"]) == ("image/svg+xml", "no-cache")


async def test_browsers_on_thin_links_get_the_compressed_twin(built: Path, office: Office) -> None:
    twin = built / "assets" / "room-a1b2.js.gz"
    await asyncio.to_thread(twin.write_bytes, gzip.compress(b"export {}", mtime=0))
    browser = office.browser()
    thin = await browser.get("/static/assets/room-a1b2.js", Accept_Encoding="gzip")
    assert (thin.headers["Content-Encoding"], thin.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert thin.headers["Content-Type"] in {"text/javascript", "application/javascript"}
    assert thin.body == b"export {}"
    plain = await browser.get("/static/assets/room-a1b2.js", Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "assets/%2e%2e/%2e%2e/secret.txt", ".vite/manifest.json", "assets", "x.js"],
)
async def test_nothing_else_is_given_out(built: Path, office: Office, path: str) -> None:
    answer = await office.browser().get(f"/static/{path}")
    assert answer.status == 404
    assert await asyncio.to_thread(pages.find, "../secret.txt") is None


async def test_a_page_that_does_not_exist_is_not_found(built: Path, office: Office) -> None:
    assert (await office.browser().get("/khong-co")).status == 404


async def test_a_client_that_was_not_built_is_named(built: Path, office: Office) -> None:
    await asyncio.to_thread((built / "portal.html").unlink)
    answer = await office.browser().get("/")
    assert (answer.status, answer.code) == (503, "client_not_built")
