from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiohttp import web
from office import PASSWORD, Office, open_office

from meetings.access import Office as OfficeOf
from meetings.errors import Conflict, Invalid, MeetingError, NotAllowed, NotFound, Refused, Unavailable, WrongMoment
from meetings.tickets import TicketExpired, TicketUnknown
from web.deps import DEPS
from web.doors import MAX_BODY
from web.errors import speak_http, status
from web.guard import content_policy


async def test_a_form_of_another_site_changes_nothing(office: Office) -> None:
    browser = await office.signed_in("hoa", OfficeOf.SECRETARY)
    for origin in ("https://evil.example", "null", office.deps.origin + "0"):
        answer = await browser.post("/api/meetings", Origin=origin)
        assert (answer.status, answer.code) == (403, "foreign_origin")
    unsaid = await browser.post("/api/meetings", Origin=None)
    assert unsaid.code == "foreign_origin"
    across = await browser.post("/api/meetings", Origin=None, Sec_Fetch_Site="cross-site")
    assert across.code == "foreign_origin"
    assert (await browser.get("/api/meetings")).body["meetings"] == []


async def test_our_own_pages_may_change_things(office: Office) -> None:
    browser = await office.signed_in("hoa", OfficeOf.SECRETARY)
    assert (await browser.post("/api/meetings")).status == 201
    assert (await browser.post("/api/meetings", Origin=None, Sec_Fetch_Site="same-origin")).status == 201
    port = office.deps.origin.rpartition(":")[2]
    by_name = await browser.post("/api/meetings", Host=f"localhost:{port}", Origin=f"http://localhost:{port}")
    assert by_name.status == 201


async def test_a_foreign_page_may_not_sign_anybody_in(office: Office) -> None:
    await office.signed_in("hoa", OfficeOf.MEMBER)
    answer = await office.browser().post(
        "/api/sign-in", {"username": "hoa", "password": PASSWORD}, Origin="https://evil.example"
    )
    assert answer.code == "foreign_origin"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"{", "malformed", None),
        (b"\xff\xfe", "malformed", None),
        (b"", "malformed", None),
        (b"[]", "invalid", ""),
        (b"{}", "invalid", ""),
        (b'{"username": 7, "password": "x"}', "invalid", "username"),
        (b'{"username": "hoa", "password": "x", "office": "administrator"}', "invalid", ""),
        (b'{"username": "' + b"a" * 61 + b'", "password": "x"}', "invalid", "username"),
    ],
)
async def test_a_body_that_is_none_is_refused_by_name(
    office: Office, body: bytes, code: str, field: str | None
) -> None:
    answer = await office.browser().ask("POST", "/api/sign-in", data=body)
    assert (answer.status, answer.code) == (400, code)
    assert answer.body["facts"].get("field") == field
    assert answer.body["facts"]["reason"]


async def test_a_body_above_the_limit_is_too_large(office: Office) -> None:
    answer = await office.browser().ask("POST", "/api/sign-in", data=b"x" * (MAX_BODY + 1))
    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_route_that_is_none_says_so_in_the_words_of_the_api(office: Office) -> None:
    browser = office.browser()
    unknown = await browser.get("/api/khong-co")
    assert (unknown.status, unknown.body) == (404, {"code": "not_found", "facts": {}})
    method = await browser.delete("/api/units")
    assert (method.status, method.code) == (405, "method_not_allowed")


async def test_every_reply_tells_the_browser_what_to_refuse(office: Office) -> None:
    browser = office.browser()
    for path in ("/api/me", "/healthz", "/api/khong-co", "/khong-co"):
        headers = (await browser.get(path)).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        assert "microphone=(self)" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers
    assert (await browser.get("/api/me")).headers["Cache-Control"] == "no-store"


def test_pages_run_only_our_own_scripts() -> None:
    policy = dict(part.strip().split(" ", 1) for part in content_policy("text/html", "https://hop.vn").split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self' wss://hop.vn"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"


async def test_behind_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    async with open_office(tmp_path, secure=True) as office:
        token = await office.account("hoa", OfficeOf.MEMBER)
        answer = await office.browser().post(f"/api/links/{token}", {"password": PASSWORD})
        assert answer.status == 200
        assert answer.headers["Set-Cookie"].startswith("__Host-nghisu-")
        assert "Secure" in answer.headers["Set-Cookie"]
        assert "Domain" not in answer.headers["Set-Cookie"]
        assert answer.headers["Strict-Transport-Security"]


async def test_health_is_answered_without_a_session(office: Office) -> None:
    answer = await office.browser().get("/healthz")
    assert (answer.status, answer.body["status"]) == (200, "ready")


async def test_what_nobody_foresaw_gets_a_number_and_keeps_its_cause_inside(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("the password is swordfish")

    app = web.Application(middlewares=[speak_http])
    app[DEPS] = office.deps
    app.router.add_get("/api/broken/{token}", broken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        browser = office.browser()
        browser.address = f"http://127.0.0.1:{port}"
        with caplog.at_level(logging.ERROR):
            answer = await browser.get("/api/broken/bi-mat")
    finally:
        await runner.cleanup()
    assert (answer.status, answer.code) == (500, "internal")
    incident = answer.body["facts"]["incident"]
    assert set(answer.body["facts"]) == {"incident"}
    assert incident in caplog.text
    assert "swordfish" in caplog.text
    assert "bi-mat" not in caplog.records[-1].getMessage()


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (NotAllowed(), 403),
        (WrongMoment(), 409),
        (NotFound(), 404),
        (Invalid(), 400),
        (Conflict(), 409),
        (Refused(), 422),
        (Unavailable(), 503),
        (TicketUnknown(), 404),
        (TicketExpired(), 410),
        (MeetingError(), 400),
    ],
)
def test_each_family_of_refusals_has_its_status(error: MeetingError, number: int) -> None:
    assert status(error) == number
