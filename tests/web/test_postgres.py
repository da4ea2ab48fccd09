from __future__ import annotations

from pathlib import Path

from office import PASSWORD, START, open_office
from postgres import fresh_url

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting
from store.database import Database


async def test_a_meeting_is_convened_on_postgresql_as_on_sqlite(tmp_path: Path) -> None:
    async with open_office(tmp_path, database=Database.at(fresh_url())) as office:
        administrator = await office.administrator()
        unit = (await administrator.post("/api/units", {"name": "UBND tỉnh Hà Nam Ninh"})).body["id"]
        person = (await administrator.post("/api/people", {"name": "Nguyễn Thị Hòa", "unit": unit})).body["id"]
        hoa = await office.signed_in("hoa", OfficeOf.SECRETARY, person)
        wrong = await office.browser().post("/api/sign-in", {"username": "hoa", "password": "sai mật khẩu"})
        assert wrong.code == "wrong_credentials"
        again = office.browser()
        assert (await again.post("/api/sign-in", {"username": "hoa", "password": PASSWORD})).status == 200
        assert len((await again.get("/api/me/sessions")).body) == 2

        draft = (await hoa.post("/api/meetings")).body
        form = {
            "revision": draft["revision"],
            "title": "Họp giao ban",
            "unit": unit,
            "starts_at": "2026-11-25T08:00:00+07:00",
            "ends_at": "2026-11-25T11:30:00+07:00",
            "agenda": [{"title": "Một"}],
            "sites": [{"role": "chair", "name": "Chủ trì"}, {"role": "delegate", "person": person}],
        }
        saved = await hoa.put(f"/api/meetings/{draft['id']}", form)
        assert saved.status == 200, saved
        late = await hoa.put(f"/api/meetings/{draft['id']}", form)
        assert late.code == "conflict"
        sites = [
            {"id": site["id"], "role": site["role"], "name": site["name"], "person": site["person"]}
            for site in reversed(saved.body["sites"])
        ]
        turned = await hoa.put(
            f"/api/meetings/{draft['id']}", form | {"revision": saved.body["revision"], "sites": sites}
        )
        assert [site["name"] for site in turned.body["sites"]] == ["UBND tỉnh Hà Nam Ninh", "Chủ trì"]

        await office.change(Meeting, draft["id"], state="invited", invited_at=START)
        url = (await hoa.post(f"/api/meetings/{draft['id']}/ticket")).body["url"]
        answer = await office.browser().post(f"/api{url}", {"answer": "accepted"})
        assert answer.body["answer"] == "accepted"
        assert (await hoa.get("/api/today")).body["next"]["id"] == draft["id"]
        assert (await hoa.post(f"/api/meetings/{draft['id']}/duplicate")).status == 201
