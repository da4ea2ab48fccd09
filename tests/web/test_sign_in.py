from __future__ import annotations

import asyncio
from itertools import cycle

from office import PASSWORD, Office

from meetings.access import Office as OfficeOf
from web.attempts import PER_ACCOUNT, PER_ADDRESS, count
from web.links import first_administrator_link


async def tried(office: Office, times: int, *usernames: str) -> None:
    """Attempts of this machine, as the door counts them before it looks at the password."""
    names = cycle(usernames)
    async with office.deps.database.begin() as session:
        for _ in range(times):
            await count(session, next(names), "127.0.0.1", office.clock.now())


async def test_the_printed_link_makes_the_first_administrator_and_signs_in(office: Office) -> None:
    link = await first_administrator_link(office.deps)
    assert link
    browser, token = office.browser(), link.rpartition("/")[2]

    seen = await browser.get(f"/api/links/{token}")
    assert seen.body == {"purpose": "first_administrator", "username": None, "name": None}

    made = await browser.post(f"/api/links/{token}", {"password": PASSWORD, "username": "van-an", "name": "Lê Văn An"})
    assert made.status == 200
    assert made.body["office"] == "administrator"
    assert (await browser.get("/api/me")).body["name"] == "Lê Văn An"


async def test_the_first_administrators_link_is_reprinted_until_there_is_one(office: Office) -> None:
    first, second = await first_administrator_link(office.deps), await first_administrator_link(office.deps)
    assert first
    assert second
    given = {"password": PASSWORD, "username": "van-an", "name": "An"}
    browser = office.browser()
    assert (await browser.post(f"/api/links/{first.rpartition('/')[2]}", given)).status == 200
    assert await first_administrator_link(office.deps) is None
    late = await office.browser().post(f"/api/links/{second.rpartition('/')[2]}", {**given, "username": "binh"})
    assert (late.status, late.code) == (410, "link_spent")


async def test_the_first_administrator_must_give_a_name_and_a_username(office: Office) -> None:
    link = await first_administrator_link(office.deps)
    assert link
    answer = await office.browser().post(f"/api/links/{link.rpartition('/')[2]}", {"password": PASSWORD})
    assert (answer.status, answer.code, answer.body["facts"]["field"]) == (400, "invalid", "username")


async def test_a_one_time_link_works_once(office: Office) -> None:
    token = await office.account("hoa", OfficeOf.MEMBER)
    browser = office.browser()
    assert (await browser.get(f"/api/links/{token}")).body["purpose"] == "activate"
    assert (await browser.post(f"/api/links/{token}", {"password": PASSWORD})).status == 200
    again = await office.browser().post(f"/api/links/{token}", {"password": "một mật khẩu khác"})
    assert (again.status, again.code) == (410, "link_spent")
    assert (await office.browser().get(f"/api/links/{token}")).code == "link_spent"


async def test_a_one_time_link_ends_after_72_hours(office: Office) -> None:
    token = await office.account("hoa", OfficeOf.MEMBER)
    office.clock.pass_by(hours=72)
    answer = await office.browser().post(f"/api/links/{token}", {"password": PASSWORD})
    assert answer.code == "link_spent"


async def test_a_link_that_nobody_made_is_unknown(office: Office) -> None:
    answer = await office.browser().get("/api/links/khong-co")
    assert (answer.status, answer.code) == (404, "link_unknown")


async def test_an_account_signs_in_and_out(office: Office) -> None:
    await office.signed_in("hoa", OfficeOf.SECRETARY)
    browser = office.browser()
    assert (await browser.get("/api/me")).code == "not_signed_in"
    answer = await browser.post("/api/sign-in", {"username": " HOA ", "password": PASSWORD})
    assert answer.status == 200
    assert answer.body["may"] == ["convene", "manage_units", "read_outbox"]
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert (await browser.post("/api/sign-out")).status == 204
    assert (await browser.get("/api/me")).status == 401


async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(office: Office) -> None:
    await office.signed_in("hoa", OfficeOf.MEMBER)
    wrong = await office.browser().post("/api/sign-in", {"username": "hoa", "password": "sai mật khẩu"})
    unknown = await office.browser().post("/api/sign-in", {"username": "khong-co", "password": "sai mật khẩu"})
    assert (
        (wrong.status, wrong.body)
        == (unknown.status, unknown.body)
        == (401, {"code": "wrong_credentials", "facts": {}})
    )


async def test_an_account_that_was_never_activated_has_no_password_that_fits(office: Office) -> None:
    await office.account("hoa", OfficeOf.MEMBER)
    answer = await office.browser().post("/api/sign-in", {"username": "hoa", "password": ""})
    assert answer.code == "wrong_credentials"


async def test_too_many_wrong_passwords_make_one_wait(office: Office) -> None:
    await office.signed_in("hoa", OfficeOf.MEMBER)
    browser = office.browser()
    await tried(office, PER_ACCOUNT - 1, "hoa")
    answer = await browser.post("/api/sign-in", {"username": "hoa", "password": "sai mật khẩu"})
    assert answer.code == "wrong_credentials"
    right = {"username": "hoa", "password": PASSWORD}
    answer = await browser.post("/api/sign-in", right)
    assert (answer.status, answer.body) == (429, {"code": "too_many_attempts", "facts": {"seconds": 900}})
    assert answer.headers["Retry-After"] == "900"
    office.clock.pass_by(minutes=15)
    assert (await browser.post("/api/sign-in", right)).status == 200


async def test_the_right_password_forgets_the_wrong_ones(office: Office) -> None:
    await office.signed_in("hoa", OfficeOf.MEMBER)
    browser = office.browser()
    for _ in range(2):
        await tried(office, PER_ACCOUNT - 1, "hoa")
        assert (await browser.post("/api/sign-in", {"username": "hoa", "password": PASSWORD})).status == 200


async def test_one_address_may_not_try_many_names(office: Office) -> None:
    await tried(office, PER_ADDRESS, *(f"ten{number}" for number in range(PER_ADDRESS)))
    answer = await office.browser().post("/api/sign-in", {"username": "hoa", "password": "x"})
    assert (answer.code, answer.body["facts"]) == ("too_many_attempts", {"seconds": 900})


async def test_a_disabled_account_is_signed_out_everywhere_at_once(office: Office) -> None:
    administrator = await office.administrator()
    hoa = await office.signed_in("hoa", OfficeOf.MEMBER)
    account = (await hoa.get("/api/me")).body["account"]
    assert (await administrator.put(f"/api/accounts/{account}", {"disabled": True})).status == 200
    assert (await hoa.get("/api/me")).code == "not_signed_in"
    answer = await hoa.post("/api/sign-in", {"username": "hoa", "password": PASSWORD})
    assert answer.code == "wrong_credentials"


async def test_sessions_end_after_12_idle_hours_and_after_7_days_in_any_case(office: Office) -> None:
    browser = await office.signed_in("hoa", OfficeOf.MEMBER)
    office.clock.pass_by(hours=11)
    assert (await browser.get("/api/me")).status == 200
    office.clock.pass_by(hours=12)
    assert (await browser.get("/api/me")).code == "not_signed_in"

    await browser.post("/api/sign-in", {"username": "hoa", "password": PASSWORD})
    for _ in range(16):
        office.clock.pass_by(hours=10)
        assert (await browser.get("/api/me")).status == 200
    office.clock.pass_by(hours=8)
    assert (await browser.get("/api/me")).code == "not_signed_in"


async def test_one_sees_ones_browsers_and_ends_them(office: Office) -> None:
    first = await office.signed_in("hoa", OfficeOf.MEMBER)
    second = office.browser()
    await second.post("/api/sign-in", {"username": "hoa", "password": PASSWORD}, User_Agent="Chromium/150")
    listed = (await first.get("/api/me/sessions")).body
    assert {s["browser"] for s in listed} == {"Firefox/140", "Chromium/150"}
    assert {s["address"] for s in listed} == {"127.0.0.1"}
    other = next(s["id"] for s in listed if not s["current"])
    assert (await first.delete(f"/api/me/sessions/{other}")).status == 204
    assert (await second.get("/api/me")).code == "not_signed_in"
    assert (await first.get("/api/me")).status == 200
    assert (await first.delete(f"/api/me/sessions/{other}")).code == "session_unknown"


async def test_nobody_ends_the_browser_of_another(office: Office) -> None:
    hoa = await office.signed_in("hoa", OfficeOf.MEMBER)
    binh = await office.signed_in("binh", OfficeOf.MEMBER)
    session = (await hoa.get("/api/me/sessions")).body[0]["id"]
    assert (await binh.delete(f"/api/me/sessions/{session}")).status == 404
    assert (await hoa.get("/api/me")).status == 200


async def test_a_new_password_signs_the_other_browsers_out(office: Office) -> None:
    first = await office.signed_in("hoa", OfficeOf.MEMBER)
    second = office.browser()
    await second.post("/api/sign-in", {"username": "hoa", "password": PASSWORD})
    wrong = await first.post("/api/me/password", {"current": "sai", "new": "mật khẩu mới hẳn"})
    assert (wrong.status, wrong.code) == (403, "wrong_password")
    assert (await first.post("/api/me/password", {"current": PASSWORD, "new": "ngắn"})).code == "invalid"
    assert (await first.post("/api/me/password", {"current": PASSWORD, "new": "mật khẩu mới hẳn"})).status == 204
    assert (await first.get("/api/me")).status == 200
    assert (await second.get("/api/me")).code == "not_signed_in"
    answer = await second.post("/api/sign-in", {"username": "hoa", "password": "mật khẩu mới hẳn"})
    assert answer.status == 200


async def test_a_reset_by_link_ends_every_session_and_replaces_the_password(office: Office) -> None:
    administrator = await office.administrator()
    hoa = await office.signed_in("hoa", OfficeOf.MEMBER)
    account = (await hoa.get("/api/me")).body["account"]
    made = await administrator.post(f"/api/accounts/{account}/link")
    token = made.body["link"].rpartition("/")[2]
    assert (await hoa.get(f"/api/links/{token}")).body == {"purpose": "reset", "username": "hoa", "name": "hoa"}
    assert (await hoa.get("/api/me")).status == 200
    fresh = office.browser()
    assert (await fresh.post(f"/api/links/{token}", {"password": "mật khẩu thay thế"})).status == 200
    assert (await hoa.get("/api/me")).code == "not_signed_in"
    old = await office.browser().post("/api/sign-in", {"username": "hoa", "password": PASSWORD})
    assert old.code == "wrong_credentials"


async def test_a_later_link_makes_the_earlier_one_void(office: Office) -> None:
    administrator = await office.administrator()
    made = (await administrator.post("/api/accounts", {"username": "hoa", "name": "Hoa", "office": "member"})).body
    await administrator.post(f"/api/accounts/{made['account']['id']}/link")
    answer = await office.browser().get(f"/api/links/{made['link'].rpartition('/')[2]}")
    assert answer.code == "link_unknown"


async def test_no_secret_is_kept_as_it_is(office: Office) -> None:
    token = await office.account("hoa", OfficeOf.MEMBER)
    browser = office.browser()
    answer = await browser.post(f"/api/links/{token}", {"password": PASSWORD})
    cookie = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    await office.deps.database.close()

    def bytes_on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in (office.deps.var / "db").glob("app.db*"))

    kept = await asyncio.to_thread(bytes_on_disk)
    for secret in (token, cookie, PASSWORD):
        assert secret.encode() not in kept
