from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from office import START, Browser, Office

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting, Site


@pytest.fixture
async def person(office: Office) -> str:
    return await office.person("Nguyễn Thị Hòa")


@pytest.fixture
async def hoa(office: Office, person: str) -> Browser:
    return await office.signed_in("hoa", OfficeOf.SECRETARY, person)


async def invite(office: Office, person: str, role: str = "delegate", hours: float = 1, **fields: Any) -> str:
    begins = START + timedelta(hours=hours)
    values = {"title": "Họp", "state": "invited", "created_by": "x", "created_at": START} | fields
    meeting = await office.add(Meeting(starts_at=begins, ends_at=begins + timedelta(hours=2), **values))
    await office.add(Site(meeting_id=meeting, number=1, role=role, person_id=person, name="Xã Hương Sơn"))
    return meeting


async def test_a_day_without_meetings_is_empty(hoa: Browser) -> None:
    body = (await hoa.get("/api/today")).body
    assert (body["next"], body["today"], body["todos"]) == (None, [], [])
    assert body["now"] == START.isoformat()


async def test_the_day_shows_its_meetings_in_order_and_the_next_of_them(
    office: Office, person: str, hoa: Browser
) -> None:
    afternoon = await invite(office, person, hours=5)
    morning = await invite(office, person, hours=1)
    tomorrow = await invite(office, person, hours=24)
    await invite(office, person, hours=3, state="cancelled")
    body = (await hoa.get("/api/today")).body
    assert [m["id"] for m in body["today"]] == [morning, afternoon]
    assert body["next"]["id"] == morning
    office.clock.pass_by(hours=8)
    assert (await hoa.get("/api/today")).body["next"]["id"] == tomorrow


async def test_a_live_meeting_comes_first(office: Office, person: str, hoa: Browser) -> None:
    await invite(office, person, hours=1)
    live = await invite(office, person, hours=2, state="live")
    assert (await hoa.get("/api/today")).body["next"]["id"] == live


async def test_an_unanswered_invitation_waits_until_the_working_day_before(
    office: Office, person: str, hoa: Browser
) -> None:
    meeting = await invite(office, person, hours=48)
    todos = (await hoa.get("/api/today")).body["todos"]
    assert [(t["what"], t["meeting"], t["due"]) for t in todos] == [("answer", meeting, "2026-11-17T17:00:00+07:00")]
    site = todos[0]["site"]
    await office.change(Site, site, answer="accepted")
    assert (await hoa.get("/api/today")).body["todos"] == []


async def test_a_chair_is_not_asked_whether_it_comes(office: Office, person: str, hoa: Browser) -> None:
    await invite(office, person, "chair", hours=48)
    assert (await hoa.get("/api/today")).body["todos"] == []


async def test_a_draft_waits_to_be_sent_by_its_deadline(office: Office, hoa: Browser) -> None:
    made = (await hoa.post("/api/meetings")).body["id"]
    await office.change(Meeting, made, starts_at=START + timedelta(days=7), ends_at=START + timedelta(days=7, hours=2))
    todos = (await hoa.get("/api/today")).body["todos"]
    assert [(t["what"], t["due"]) for t in todos] == [("send_invitation", "2026-11-18T17:00:00+07:00")]


async def test_minutes_wait_for_the_secretary_five_working_days(office: Office, person: str, hoa: Browser) -> None:
    meeting = await invite(office, person, "secretary", hours=-3, state="adjourned", adjourned_at=START)
    todos = (await hoa.get("/api/today")).body["todos"]
    assert [(t["what"], t["meeting"], t["due"]) for t in todos] == [
        ("write_minutes", meeting, "2026-11-23T17:00:00+07:00")
    ]
    chair = await office.signed_in("khai", OfficeOf.MEMBER, await office.person("Khải"))
    assert (await chair.get("/api/today")).body["todos"] == []
