from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from office import START, Browser, Office

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting


@dataclass(frozen=True)
class Scene:
    """A secretary at work on a complete draft, and the people that it names."""

    office: Office
    secretary: Browser
    unit: str
    chair: str
    delegate: str
    draft: dict[str, Any]


@pytest.fixture
async def scene(office: Office) -> Scene:
    unit = await office.unit("UBND tỉnh Hà Nam Ninh", email="ubnd@hanamninh.example")
    chair = await office.person("Vũ Đình Khải", title="Phó Chủ tịch", unit_id=unit, email="khai@hanamninh.example")
    delegate = await office.person("Nguyễn Thị Hòa", title="Chủ tịch", email="hoa@hanamninh.example")
    clerk = await office.person("Hoàng Thị Nhàn", unit_id=unit, email="nhan@hanamninh.example")
    secretary = await office.signed_in("nhan", OfficeOf.SECRETARY, clerk)
    empty = (await secretary.post("/api/meetings")).body
    form = {
        "revision": empty["revision"],
        "title": "Họp giao ban tháng 11",
        "unit": unit,
        "starts_at": "2026-11-25T08:00:00+07:00",
        "ends_at": "2026-11-25T11:30:00+07:00",
        "place": "Phòng họp số 2",
        "request": "Chuẩn bị báo cáo",
        "contact": "Hoàng Thị Nhàn, 0226 000 000",
        "signer_title": "KT. CHÁNH VĂN PHÒNG",
        "signer_name": "Đỗ Minh Thuận",
        "agenda": [{"title": "Giải phóng mặt bằng", "minutes": 30}, {"title": "Việc khác"}],
        "sites": [
            {"role": "chair", "person": chair, "unit": unit},
            {"role": "secretary", "person": clerk},
            {"role": "delegate", "person": delegate, "name": "Xã Hương Sơn"},
        ],
    }
    saved = await secretary.put(f"/api/meetings/{empty['id']}", form)
    assert saved.status == 200, saved
    return Scene(office, secretary, unit, chair, delegate, saved.body)


def form_of(meeting: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The whole form as a browser that read the meeting sends it."""
    kept = (
        "revision", "title", "unit", "starts_at", "ends_at", "regime", "kind", "classification", "urgent", "place",
        "request", "contact", "signer_title", "signer_name", "turn_minutes", "microphones", "lobby",
    )  # fmt: skip
    site = ("id", "role", "unit", "person", "name", "person_name", "person_title", "email")
    item = ("id", "title", "minutes", "presenter")
    form = {name: meeting[name] for name in kept}
    form["agenda"] = [{name: row[name] for name in item} for row in meeting["agenda"]]
    form["sites"] = [{name: row[name] for name in site} for row in meeting["sites"]]
    return form | changes


async def test_a_new_meeting_says_what_it_lacks(office: Office) -> None:
    secretary = await office.signed_in("thu-ky", OfficeOf.SECRETARY)
    made = await secretary.post("/api/meetings")
    assert (made.status, made.body["state"], made.body["may_edit"]) == (201, "draft", True)
    assert {"title", "time", "chair", "agenda", "contact"} <= {m["what"] for m in made.body["missing"]}
    assert made.body["deadline"] is None


async def test_a_saved_form_is_read_back_whole(scene: Scene) -> None:
    draft = scene.draft
    assert draft["revision"] == 2
    assert draft["missing"] == []
    assert (draft["unit_name"], draft["starts_at"]) == ("UBND tỉnh Hà Nam Ninh", "2026-11-25T01:00:00+00:00")
    assert [(s["number"], s["role"], s["name"], s["person_name"], s["person_title"]) for s in draft["sites"]] == [
        (1, "chair", "UBND tỉnh Hà Nam Ninh", "Vũ Đình Khải", "Phó Chủ tịch"),
        (2, "secretary", "UBND tỉnh Hà Nam Ninh", "Hoàng Thị Nhàn", ""),
        (3, "delegate", "Xã Hương Sơn", "Nguyễn Thị Hòa", "Chủ tịch"),
    ]
    assert draft["sites"][2]["email"] == "hoa@hanamninh.example"
    assert [(i["number"], i["title"], i["minutes"]) for i in draft["agenda"]] == [
        (1, "Giải phóng mặt bằng", 30),
        (2, "Việc khác", 15),
    ]
    assert (await scene.secretary.get(f"/api/meetings/{draft['id']}")).body == draft


async def test_saving_the_same_form_changes_nothing(scene: Scene) -> None:
    again = await scene.secretary.put(f"/api/meetings/{scene.draft['id']}", form_of(scene.draft))
    assert again.body == scene.draft


async def test_who_saves_on_an_old_revision_is_told(scene: Scene) -> None:
    path = f"/api/meetings/{scene.draft['id']}"
    assert (await scene.secretary.put(path, form_of(scene.draft, title="Của người thứ nhất"))).status == 200
    late = await scene.secretary.put(path, form_of(scene.draft, title="Của người thứ hai"))
    assert (late.status, late.body) == (409, {"code": "conflict", "facts": {"revision": 3}})
    assert (await scene.secretary.get(path)).body["title"] == "Của người thứ nhất"


async def test_sites_change_their_order_and_keep_who_they_are(scene: Scene) -> None:
    path, form = f"/api/meetings/{scene.draft['id']}", form_of(scene.draft)
    first, second, third = form["sites"]
    fresh = {"role": "observer", "name": "Báo địa phương"}
    saved = (await scene.secretary.put(path, form | {"sites": [third, fresh, first]})).body
    assert [(s["number"], s["name"]) for s in saved["sites"]] == [
        (1, "Xã Hương Sơn"),
        (2, "Báo địa phương"),
        (3, "UBND tỉnh Hà Nam Ninh"),
    ]
    assert (saved["sites"][0]["id"], saved["sites"][2]["id"]) == (third["id"], first["id"])
    gone = await scene.secretary.put(path, form_of(saved, sites=[second]))
    assert (gone.status, gone.code) == (400, "site_unknown")


async def test_a_presenter_who_is_taken_off_the_list_presents_no_more(scene: Scene) -> None:
    path, form = f"/api/meetings/{scene.draft['id']}", form_of(scene.draft)
    form["agenda"][0]["presenter"] = form["sites"][2]["id"]
    saved = (await scene.secretary.put(path, form)).body
    assert saved["agenda"][0]["presenter"] == form["sites"][2]["id"]
    saved = (await scene.secretary.put(path, form_of(saved, sites=form["sites"][:2]))).body
    assert saved["agenda"][0]["presenter"] is None


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"classification": "secret"}, 422, "classification_refused", None),
        ({"classification": "confidential"}, 422, "classification_refused", None),
        ({"ends_at": "2026-11-25T08:00:00+07:00"}, 400, "ends_before_start", "ends_at"),
        ({"starts_at": "2026-11-25T08:00:00"}, 400, "invalid", "starts_at"),
        ({"starts_at": "thứ Tư"}, 400, "invalid", "starts_at"),
        ({"unit": "khong-co"}, 400, "unit_unknown", None),
        ({"sites": [{"role": "chair", "person": "khong-co"}]}, 400, "person_unknown", None),
        ({"sites": [{"role": "king"}]}, 400, "invalid", "sites[0].role"),
        ({"agenda": [{"title": "x", "id": "khong-co"}]}, 400, "item_unknown", None),
        ({"agenda": [{"title": "x", "minutes": 0}]}, 400, "invalid", "agenda[0].minutes"),
        ({"turn_minutes": 0}, 400, "invalid", "turn_minutes"),
    ],
)
async def test_a_form_that_may_not_be_changes_nothing(
    scene: Scene, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    path = f"/api/meetings/{scene.draft['id']}"
    answer = await scene.secretary.put(path, form_of(scene.draft, **changes))
    assert (answer.status, answer.code, answer.body["facts"].get("field")) == (status, code, field)
    assert (await scene.secretary.get(path)).body == scene.draft


async def test_the_last_legal_moment_of_the_invitation_is_shown(scene: Scene) -> None:
    path = f"/api/meetings/{scene.draft['id']}"
    thursday = form_of(scene.draft, starts_at="2026-11-19T08:00:00+07:00", ends_at="2026-11-19T17:00:00+07:00")
    saved = (await scene.secretary.put(path, thursday)).body
    assert saved["deadline"] == "2026-11-16T17:00:00+07:00"
    assert [(m["what"], m["blocks"]) for m in saved["missing"]] == [("too_long", False)]
    scene.office.clock.pass_by(hours=9)
    late = (await scene.secretary.get(path)).body
    assert [(m["what"], m["blocks"]) for m in late["missing"]] == [("deadline_passed", False), ("too_long", False)]


async def test_a_draft_is_seen_by_who_convenes_and_by_administrators(scene: Scene) -> None:
    path = f"/api/meetings/{scene.draft['id']}"
    delegate = await scene.office.signed_in("hoa", OfficeOf.MEMBER, scene.delegate)
    other = await scene.office.signed_in("khac", OfficeOf.SECRETARY)
    administrator = await scene.office.administrator()
    for stranger in (delegate, other):
        assert (await stranger.get(path)).code == "meeting_unknown"
        assert (await stranger.put(path, form_of(scene.draft))).code == "meeting_unknown"
        assert (await stranger.get("/api/meetings")).body["meetings"] == []
    assert (await administrator.get(path)).body["may_edit"]
    assert (await scene.office.browser().get(path)).code == "not_signed_in"


async def test_the_invited_see_the_meeting_but_neither_addresses_nor_the_form(scene: Scene) -> None:
    await scene.office.change(Meeting, scene.draft["id"], state="invited", invited_at=START)
    path = f"/api/meetings/{scene.draft['id']}"
    delegate = await scene.office.signed_in("hoa", OfficeOf.MEMBER, scene.delegate)
    seen = (await delegate.get(path)).body
    assert (seen["my_role"], seen["may_edit"], seen["missing"]) == ("delegate", False, [])
    assert [s["email"] for s in seen["sites"]] == ["", "", "hoa@hanamninh.example"]
    answer = await delegate.put(path, form_of(seen))
    assert (answer.status, answer.code) == (403, "not_allowed")
    line = (await delegate.get("/api/meetings")).body["meetings"][0]
    assert (line["chair"], line["my_role"], line["sites"], line["answered"]) == (
        "Phó Chủ tịch Vũ Đình Khải",
        "delegate",
        3,
        1,
    )
    other = await scene.office.signed_in("khac", OfficeOf.SECRETARY)
    assert (await other.get(path)).code == "meeting_unknown"


async def test_a_change_after_the_invitation_reaches_the_room_and_is_marked_unsent(scene: Scene) -> None:
    path = f"/api/meetings/{scene.draft['id']}"
    scene.office.clock.pass_by(minutes=5)
    await scene.office.change(Meeting, scene.draft["id"], state="invited", invited_at=scene.office.clock.now())
    invited = (await scene.secretary.get(path)).body
    assert invited["changed_since_invited"] is False
    scene.office.clock.pass_by(minutes=5)
    settings = (await scene.secretary.put(path, form_of(invited, turn_minutes=7))).body
    assert settings["changed_since_invited"] is False
    changed = (await scene.secretary.put(path, form_of(settings, place="Hội trường lớn"))).body
    assert changed["changed_since_invited"] is True
    assert scene.office.rooms.told == [("facts_changed", invited["id"])] * 2


@pytest.mark.parametrize("state", ["live", "adjourned", "approved", "cancelled"])
async def test_the_form_is_closed_once_the_meeting_began(scene: Scene, state: str) -> None:
    await scene.office.change(Meeting, scene.draft["id"], state=state)
    answer = await scene.secretary.put(f"/api/meetings/{scene.draft['id']}", form_of(scene.draft, title="Khác"))
    assert (answer.status, answer.code) == (409, "meeting_not_editable")


async def test_a_copy_has_the_form_without_dates_and_answers(scene: Scene) -> None:
    form = form_of(scene.draft)
    form["agenda"][1]["presenter"] = form["sites"][2]["id"]
    original = (await scene.secretary.put(f"/api/meetings/{scene.draft['id']}", form)).body
    made = await scene.secretary.post(f"/api/meetings/{original['id']}/duplicate")
    copy = made.body
    assert (made.status, copy["state"], copy["starts_at"], copy["invited_at"]) == (201, "draft", None, None)
    assert copy["title"] == original["title"]
    assert [s["name"] for s in copy["sites"]] == [s["name"] for s in original["sites"]]
    assert not {s["id"] for s in copy["sites"]} & {s["id"] for s in original["sites"]}
    assert copy["agenda"][1]["presenter"] == copy["sites"][2]["id"]
    assert {s["answer"] for s in copy["sites"]} == {"none"}
    assert [m["what"] for m in copy["missing"]] == ["time"]


async def test_each_tab_holds_its_meetings_in_order(scene: Scene) -> None:
    ids: dict[str, str] = {}
    for number, state in enumerate(["invited", "live", "adjourned", "approved", "cancelled"]):
        copy = (await scene.secretary.post(f"/api/meetings/{scene.draft['id']}/duplicate")).body
        ids[state] = copy["id"]
        await scene.office.change(Meeting, copy["id"], state=state, starts_at=START + timedelta(days=number))
    listed = {
        tab: (await scene.secretary.get(f"/api/meetings?tab={tab}")).body
        for tab in ("upcoming", "live", "minutes", "done")
    }
    assert listed["upcoming"]["counts"] == {"upcoming": 2, "live": 1, "minutes": 1, "done": 2}
    assert [m["id"] for m in listed["upcoming"]["meetings"]] == [ids["invited"], scene.draft["id"]]
    assert [m["id"] for m in listed["done"]["meetings"]] == [ids["cancelled"], ids["approved"]]
    assert [m["state"] for m in listed["minutes"]["meetings"]] == ["adjourned"]
    assert (await scene.secretary.get("/api/meetings?tab=khac")).code == "invalid"


async def test_3400_sites_fit_into_one_form(scene: Scene) -> None:
    sites = [{"role": "chair", "person": scene.chair}]
    sites += [{"role": "delegate", "name": f"Điểm cầu {n}", "email": f"diem{n}@tinh.example"} for n in range(3399)]
    path = f"/api/meetings/{scene.draft['id']}"
    saved = await scene.secretary.put(path, form_of(scene.draft, sites=sites))
    assert (saved.status, len(saved.body["sites"])) == (200, 3400)
    turned = form_of(saved.body)
    turned["sites"].reverse()
    again = await scene.secretary.put(path, turned)
    assert again.body["sites"][0]["name"] == "Điểm cầu 3398"
    line = (await scene.secretary.get("/api/meetings")).body["meetings"][0]
    assert line["sites"] == 3400
