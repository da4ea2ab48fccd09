from __future__ import annotations

from pathlib import Path

import pytest
from office import PASSWORD, Office, open_office
from sqlalchemy import select

from meetings.tables import Meeting
from minutes.verify import verify
from web.demo import fill


async def test_the_demo_shows_a_full_office_and_a_finished_meeting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_office(tmp_path) as office:
        await fill(office.deps)
        links = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
        secretary, chair = [await _activate(office, token) for token in links]

        day = (await secretary.get("/api/today")).body
        assert day["next"]["state"] == "invited"
        assert (day["next"]["sites"], day["next"]["answered"]) == (8, 4)
        detail = (await secretary.get(f"/api/meetings/{day['next']['id']}")).body
        assert detail["missing"] == []
        assert {site["delivery"] for site in detail["sites"]} == {"queued"}

        done = (await chair.get("/api/meetings?tab=done")).body["meetings"][0]
        assert (done["state"], done["minutes_state"], done["recording_state"]) == ("approved", "approved", "ready")
        async with office.deps.database.begin() as session:
            meeting = await session.scalar(select(Meeting.id).where(Meeting.state == "approved"))
        assert meeting == done["id"]
        report = await verify(office.deps.database, office.deps.chain, office.deps.files, meeting, office.clock.now())
        assert report.whole

        await fill(office.deps)
        again = capsys.readouterr().out
        assert again.count("/sign-in") == 2
        assert len((await secretary.get("/api/units")).body) == 12
        await office.deps.jobs.stop()


async def _activate(office: Office, token: str):
    browser = office.browser()
    answer = await browser.post(f"/api/links/{token}", {"password": PASSWORD})
    assert answer.status == 200, answer
    return browser
