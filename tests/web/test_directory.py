from __future__ import annotations

from office import Office

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting, Site


async def test_a_secretary_keeps_the_tree_of_units(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    province = (await browser.post("/api/units", {"name": "UBND tỉnh Hà Nam Ninh", "place": "Hà Nam Ninh"})).body
    commune = (
        await browser.post(
            "/api/units", {"name": "UBND xã Hương Sơn", "parent": province["id"], "effective_from": "2025-07-01"}
        )
    ).body
    assert (commune["parent"], commune["effective_from"]) == (province["id"], "2025-07-01")
    renamed = await browser.put(f"/api/units/{commune['id']}", {"name": "UBND xã Hương Sơn Mới"})
    assert (renamed.body["name"], renamed.body["parent"]) == ("UBND xã Hương Sơn Mới", None)
    assert [unit["name"] for unit in (await browser.get("/api/units")).body] == [
        "UBND tỉnh Hà Nam Ninh",
        "UBND xã Hương Sơn Mới",
    ]


async def test_a_unit_never_stands_under_itself(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    above = (await browser.post("/api/units", {"name": "Trên"})).body["id"]
    below = (await browser.post("/api/units", {"name": "Dưới", "parent": above})).body["id"]
    answer = await browser.put(f"/api/units/{above}", {"name": "Trên", "parent": below})
    assert (answer.status, answer.code) == (400, "unit_cycle")
    assert (await browser.post("/api/units", {"name": "X", "parent": "khong-co"})).code == "unit_unknown"


async def test_a_unit_does_not_end_before_it_begins(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    dates = {"effective_from": "2026-01-01", "effective_to": "2025-12-31"}
    assert (await browser.post("/api/units", {"name": "X", **dates})).code == "ends_before_start"
    assert (await browser.post("/api/units", {"name": "X", "effective_from": "2026-02-30"})).code == "invalid"


async def test_a_unit_that_something_rests_on_stays(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    used = (await browser.post("/api/units", {"name": "Sở Nội vụ"})).body["id"]
    await browser.post("/api/people", {"name": "Trần Văn Bình", "unit": used})
    free = (await browser.post("/api/units", {"name": "Sở tạm"})).body["id"]
    answer = await browser.delete(f"/api/units/{used}")
    assert (answer.status, answer.body) == (422, {"code": "unit_in_use", "facts": {"name": "Sở Nội vụ"}})
    assert (await browser.delete(f"/api/units/{free}")).status == 204
    assert [(u["id"], u["people"]) for u in (await browser.get("/api/units")).body] == [(used, 1)]


async def test_members_read_the_directory_but_not_addresses(office: Office) -> None:
    secretary = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    person = {"name": "Lê Thị Lan", "title": "Chánh Văn phòng", "email": "lan@hanamninh.example", "phone": "0900000000"}
    await secretary.post("/api/people", person)
    member = await office.signed_in("hoa", OfficeOf.MEMBER)
    seen = next(p for p in (await member.get("/api/people")).body if p["name"] == "Lê Thị Lan")
    assert (seen["title"], seen["email"], seen["phone"]) == ("Chánh Văn phòng", "", "")
    full = next(p for p in (await secretary.get("/api/people")).body if p["name"] == "Lê Thị Lan")
    assert full["email"] == "lan@hanamninh.example"
    for answer in (
        await member.post("/api/units", {"name": "X"}),
        await member.post("/api/people", {"name": "X"}),
        await member.get("/api/accounts"),
        await member.post("/api/meetings"),
        await secretary.get("/api/accounts"),
    ):
        assert (answer.status, answer.code) == (403, "not_allowed")
    assert (await office.browser().get("/api/people")).status == 401


async def test_who_was_invited_is_archived_and_others_are_forgotten(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    invited, free = await office.person("Được mời"), await office.person("Chưa mời")
    meeting = await office.add(Meeting(created_by="x", created_at=office.clock.now()))
    await office.add(Site(meeting_id=meeting, number=1, person_id=invited, name="Được mời"))
    for person in (invited, free):
        assert (await browser.delete(f"/api/people/{person}")).status == 204
    assert (await browser.get("/api/people")).body == []
    assert (await browser.put(f"/api/people/{invited}", {"name": "X"})).code == "person_unknown"
    async with office.deps.database.begin() as session:
        from meetings.tables import Person

        kept = await session.get_one(Person, invited)
        assert kept.archived
        assert await session.get(Person, free) is None


async def test_a_person_moves_to_another_unit(office: Office) -> None:
    browser = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    unit = await office.unit("Sở Tài chính")
    made = (await browser.post("/api/people", {"name": "Bình"})).body
    moved = await browser.put(f"/api/people/{made['id']}", {"name": "Bình", "unit": unit})
    assert moved.body["unit_name"] == "Sở Tài chính"
    assert [p["name"] for p in (await browser.get(f"/api/people?unit={unit}")).body] == ["Bình"]


async def test_an_administrator_opens_an_account_with_a_link_shown_once(office: Office) -> None:
    administrator = await office.administrator()
    unit = await office.unit("UBND xã Hương Sơn")
    made = await administrator.post(
        "/api/accounts", {"username": "huong-son", "name": "Nguyễn Thị Hòa", "office": "secretary", "unit": unit}
    )
    assert made.status == 201
    account = made.body["account"]
    assert (account["active"], account["unit_name"]) == (False, "UBND xã Hương Sơn")
    browser, token = office.browser(), made.body["link"].rpartition("/")[2]
    me = (await browser.post(f"/api/links/{token}", {"password": "mật khẩu của Hòa"})).body
    assert (me["unit"], me["unit_name"], me["office"]) == (unit, "UBND xã Hương Sơn", "secretary")
    listed = next(a for a in (await administrator.get("/api/accounts")).body if a["username"] == "huong-son")
    assert listed["active"]
    assert listed["seen_at"]
    again = await administrator.post("/api/accounts", {"username": "huong-son", "name": "X", "office": "member"})
    assert (again.status, again.code) == (409, "username_taken")
    taken = await administrator.post(
        "/api/accounts", {"username": "khac", "name": "X", "office": "member", "person": me["person"]}
    )
    assert taken.code == "person_has_account"


async def test_the_last_administrator_stays(office: Office) -> None:
    administrator = await office.administrator()
    me = (await administrator.get("/api/me")).body["account"]
    for change in ({"disabled": True}, {"office": "member"}):
        answer = await administrator.put(f"/api/accounts/{me}", change)
        assert (answer.status, answer.code) == (422, "last_administrator")
    assert (await administrator.get("/api/me")).body["office"] == "administrator"
    await office.signed_in("thay", OfficeOf.ADMINISTRATOR)
    assert (await administrator.put(f"/api/accounts/{me}", {"office": "secretary"})).status == 200
    assert (await administrator.get("/api/accounts")).code == "not_allowed"
