"""The minutes and the verification over HTTP, as the pages ask for them; nothing blocks the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from minutes_story import add_meeting, add_units, whole_story, write_log
from office import Browser, Office, open_office

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting, Person
from minutes.watch import MinutesFollowLog
from web.routes.minutes import Desk

MINUTES = "/api/meetings/m1/minutes"


@dataclass
class Day:
    """The day after the meeting: who sits at which browser."""

    office: Office
    chair: Browser
    clerk: Browser
    delegate: Browser
    stranger: Browser


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    async with open_office(tmp_path) as office:
        deps = office.deps
        await add_units(deps.database)
        await add_meeting(deps.database)
        await write_log(deps.chain, whole_story().entries)
        async with deps.database.begin() as session:
            session.add(Person(id="p-other", name="Trần Văn Lạ"))
        browsers = [
            await office.signed_in(f"account.{person}", OfficeOf.MEMBER, f"p-{person}")
            for person in ("chair", "clerk", "hoa", "other")
        ]
        with blockbuster_ctx():
            await MinutesFollowLog(Desk.of(deps).book)("m1", await deps.chain.read("m1"))
            yield Day(office, *browsers)


async def test_from_the_draft_to_the_approved_paper(day: Day):
    draft = (await day.clerk.get(MINUTES)).body
    assert (draft["state"], draft["may_edit"], draft["may_submit"], draft["may_approve"]) == (
        "draft",
        True,
        True,
        False,
    )
    assert (draft["unit_name"], draft["parent_name"]) == ("Văn phòng", "UBND tỉnh Hà Nam Ninh")
    assert (draft["number"], draft["film_url"], draft["submitted_at"]) == (None, None, None)

    draft["content"]["sections"][1]["paragraphs"][0]["text"] = "UBND xã Hương Sơn: đã chi trả 42/57 hộ."
    saved = await day.clerk.put(MINUTES, {"revision": draft["revision"], "content": draft["content"]})
    assert (saved.status, saved.body["content"]) == (200, draft["content"])
    sent = await day.clerk.post(f"{MINUTES}/submit", {"revision": saved.body["revision"]})
    assert (sent.body["state"], sent.body["may_edit"]) == ("submitted", False)
    assert sent.body["submitted_at"]

    back = await day.chair.post(f"{MINUTES}/return", {"reason": "Ghi rõ hơn"})
    assert (back.body["state"], back.body["returned_reason"], back.body["submitted_at"]) == (
        "draft",
        "Ghi rõ hơn",
        None,
    )
    await day.clerk.post(f"{MINUTES}/submit")
    seen = (await day.chair.get(MINUTES)).body
    assert (seen["may_approve"], seen["returned_reason"]) == (True, "")
    done = await day.chair.post(f"{MINUTES}/approve", {"revision": seen["revision"]})
    assert (done.body["state"], done.body["number"]) == ("approved", "01/BB-VP")
    assert (done.body["approved_by"], done.body["may_approve"]) == ("account.chair", False)

    paper = await day.delegate.get(f"{MINUTES}.pdf")
    assert (paper.status, paper.headers["Content-Type"]) == (200, "application/pdf")
    assert "Bi%C3%AAn%20b%E1%BA%A3n%2001-BB-VP.pdf" in paper.headers["Content-Disposition"]
    (kept,) = await day.office.deps.files.of("m1")
    assert len(paper.body) == kept.bytes
    async with day.office.deps.database.begin() as session:
        assert (await session.get_one(Meeting, "m1")).state == "approved"


async def test_a_draft_is_a_paper_too(day: Day):
    paper = await day.delegate.get(f"{MINUTES}.pdf")
    assert (paper.status, paper.body[:5]) == (200, b"%PDF-")
    assert paper.headers["Cache-Control"] == "private, no-store"


async def test_each_refusal_has_its_status_and_code(day: Day):
    body = (await day.clerk.get(MINUTES)).body
    save = {"revision": body["revision"], "content": body["content"]}
    for asked, status, code in (
        (day.stranger.get(MINUTES), 404, "meeting_unknown"),
        (day.stranger.get(f"{MINUTES}.pdf"), 404, "meeting_unknown"),
        (day.stranger.post("/api/archive/m1/verify"), 404, "meeting_unknown"),
        (day.office.browser().get(MINUTES), 401, "not_signed_in"),
        (day.delegate.put(MINUTES, save), 403, "minutes_not_allowed"),
        (day.chair.put(MINUTES, save), 403, "minutes_not_allowed"),
        (day.clerk.post(f"{MINUTES}/approve"), 403, "minutes_not_allowed"),
        (day.chair.post(f"{MINUTES}/approve"), 409, "minutes_wrong_moment"),
        (day.chair.post(f"{MINUTES}/return", {"reason": ""}), 400, "invalid"),
        (day.clerk.put(MINUTES, {**save, "revision": 99}), 409, "conflict"),
        (day.clerk.put(MINUTES, {**save, "content": {}}), 400, "invalid"),
        (day.clerk.post(f"{MINUTES}/submit", {"revision": "x"}), 400, "invalid"),
    ):
        answer = await asked
        assert (answer.status, answer.code) == (status, code)
    assert (await day.clerk.get(MINUTES)).body == body


async def test_the_archive_asks_for_a_check_and_remembers_it(day: Day):
    assert (await day.delegate.get("/api/archive/m1/integrity")).body is None
    report = (await day.delegate.post("/api/archive/m1/verify")).body
    assert (report["whole"], report["broken"]) == (True, [])
    await day.clerk.post(f"{MINUTES}/submit")
    await day.chair.post(f"{MINUTES}/approve")
    (kept,) = await day.office.deps.files.of("m1")
    await asyncio.to_thread(overwrite_first_byte, day.office.deps.files.path(kept))
    broken = (await day.delegate.post("/api/archive/m1/verify")).body
    assert (broken["whole"], broken["broken"]) == (False, ["Tệp Biên bản 01-BB-VP.pdf: đã bị sửa"])
    english = await day.delegate.get("/api/archive/m1/integrity", Accept_Language="en-GB")
    assert english.body == {**broken, "broken": ["File Biên bản 01-BB-VP.pdf was changed"]}


def overwrite_first_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"#")
