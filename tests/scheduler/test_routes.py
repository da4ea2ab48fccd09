"""The secretary's buttons over HTTP: send, send again, call off; the answers of guests; the outbox page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from guests import BASE_URL, SENDER, convene, until
from office import Answer, Browser, Office, open_office

from meetings.access import Office as OfficeOf
from meetings.tables import Site
from scheduler.outbox import Outbox
from scheduler.post import Post


@dataclass(frozen=True)
class Scene:
    """A meeting ready to be sent, its secretary, a guest with an account, and a stranger."""

    office: Office
    secretary: Browser
    guest: Browser
    stranger: Browser
    meeting: str
    sites: list[str]

    async def does(self, who: Browser, act: str, body: object = None) -> Answer:
        return await who.post(f"/api/meetings/{self.meeting}/{act}", body)

    async def all_sent(self) -> None:
        async def there() -> bool:
            detail = (await self.secretary.get(f"/api/meetings/{self.meeting}")).body
            return {site["delivery"] for site in detail["sites"]} == {"sent"}

        await until(there)

    async def letters(self, count: int) -> list[dict[str, Any]]:
        async def there() -> bool:
            return len((await self.secretary.get("/api/outbox")).body) == count

        await until(there)
        return (await self.secretary.get("/api/outbox")).body


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_office(tmp_path) as office:
        deps = office.deps
        secretary = await office.signed_in("thuky", OfficeOf.SECRETARY)
        person = await office.person("Trần Thị Hoa")
        guest = await office.signed_in("hoa", OfficeOf.MEMBER, person)
        stranger = await office.signed_in("la", OfficeOf.SECRETARY)
        meeting = await convene(deps.database, by=(await secretary.get("/api/me")).body["account"])
        detail = (await secretary.get(f"/api/meetings/{meeting}")).body
        sites = [site["id"] for site in detail["sites"]]
        await office.change(Site, sites[2], person_id=person)
        outbox = Outbox(deps.var / "outbox")
        post = Post(
            deps.database, deps.jobs, deps.tickets, outbox, base_url=BASE_URL, sender=SENDER, now=office.clock.now
        )
        post.register()
        await deps.jobs.start()
        try:
            with blockbuster_ctx():
                yield Scene(office, secretary, guest, stranger, meeting, sites)
        finally:
            await deps.jobs.stop()


async def test_the_secretary_sends_and_reads_what_went_out(scene: Scene) -> None:
    sent = await scene.does(scene.secretary, "invite")
    assert (sent.status, sent.body["state"], sent.body["changed_since_invited"]) == (200, "invited", False)
    letters = await scene.letters(3)
    assert {letter["method"] for letter in letters} == {"REQUEST"}
    opened = (await scene.secretary.get(f"/api/outbox/{letters[0]['name']}")).body
    assert opened["subject"] == letters[0]["subject"]
    (link,) = opened["links"]
    assert "METHOD:REQUEST" in opened["calendar"].splitlines()
    await scene.all_sent()
    joined = await scene.office.browser().get(link.replace(f"{BASE_URL}/join/", "/api/join/"))
    assert (joined.status, joined.body["meeting"]) == (200, scene.meeting)
    file = await scene.secretary.get(f"/api/outbox/{letters[0]['name']}?as=file")
    assert file.headers["Content-Type"] == "message/rfc822"
    assert b"text/calendar" in file.body


async def test_the_letter_that_got_lost_is_sent_again(scene: Scene) -> None:
    await scene.does(scene.secretary, "invite")
    await scene.all_sent()
    scene.office.clock.pass_by(hours=1)
    again = await scene.does(scene.secretary, f"sites/{scene.sites[2]}/resend")
    assert again.status == 200
    newest = (await scene.letters(4))[0]
    assert "diemcau3@" in newest["to"]


async def test_calling_off_tells_guests_and_the_lobby(scene: Scene) -> None:
    await scene.does(scene.secretary, "invite")
    await scene.all_sent()
    scene.office.clock.pass_by(hours=1)
    off = await scene.does(scene.secretary, "cancel", {"reason": "Bão số 12"})
    assert (off.body["state"], off.body["cancel_reason"]) == ("cancelled", "Bão số 12")
    assert ("cancelled", scene.meeting) in scene.office.rooms.told
    assert [letter["method"] for letter in await scene.letters(6)] == ["CANCEL"] * 3 + ["REQUEST"] * 3
    assert (await scene.does(scene.secretary, "invite")).code == "wrong_moment"


async def test_a_guest_answers_for_its_own_site_and_the_secretary_for_any(scene: Scene) -> None:
    await scene.does(scene.secretary, "invite")
    own, other = f"sites/{scene.sites[2]}/answer", f"sites/{scene.sites[1]}/answer"
    given = await scene.does(scene.guest, own, {"answer": "substitute", "substitute_name": "Lê Văn Bảy"})
    assert given.body["sites"][2]["substitute_name"] == "Lê Văn Bảy"
    assert ("facts_changed", scene.meeting) in scene.office.rooms.told
    assert (await scene.does(scene.guest, other, {"answer": "accepted"})).status == 403
    assert (await scene.does(scene.secretary, other, {"answer": "accepted"})).body["sites"][1]["answer"] == "accepted"
    assert (await scene.does(scene.guest, own, {"answer": "substitute"})).code == "substitute_name_needed"
    assert (await scene.does(scene.guest, own, {"answer": "perhaps"})).status == 400
    assert (await scene.does(scene.secretary, "sites/x/answer", {"answer": "accepted"})).code == "site_unknown"


async def test_who_does_not_convene_neither_sends_nor_calls_off_nor_reads_the_outbox(scene: Scene) -> None:
    assert (await scene.does(scene.stranger, "invite")).status == 404
    assert (await scene.does(scene.stranger, "cancel", {})).status == 404
    await scene.does(scene.secretary, "invite")
    assert (await scene.does(scene.guest, "invite")).status == 403
    assert (await scene.does(scene.guest, "cancel", {})).status == 403
    assert (await scene.does(scene.guest, f"sites/{scene.sites[2]}/resend")).status == 403
    assert (await scene.guest.get("/api/outbox")).status == 403
    assert (await scene.office.browser().get("/api/outbox")).status == 401
    assert (await scene.secretary.get("/api/outbox/..%2f..%2fsecret")).code == "mail_unknown"


async def test_an_unfinished_meeting_is_not_sent_and_stays_a_draft(scene: Scene) -> None:
    for site in scene.sites[1:]:
        await scene.office.change(Site, site, name="")
    refused = await scene.does(scene.secretary, "invite")
    assert (refused.status, refused.code, refused.body["facts"]["what"]) == (422, "invitation_incomplete", "site_name")
    detail = (await scene.secretary.get(f"/api/meetings/{scene.meeting}")).body
    assert (detail["state"], detail["invited_at"]) == ("draft", None)
    assert (await scene.secretary.get("/api/outbox")).body == []
