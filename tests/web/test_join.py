from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from office import START, Office

from meetings.access import Office as OfficeOf
from meetings.tables import Meeting, Site
from meetings.tickets import Ticket, Tickets

BEGINS, ENDS = START + timedelta(days=2), START + timedelta(days=2, hours=3)


@dataclass(frozen=True)
class Invited:
    """An invited meeting; ``ticket`` is the commune's, ``person`` who sits there."""

    office: Office
    meeting: str
    site: str
    person: str
    ticket: str


@pytest.fixture
async def invited(office: Office) -> Invited:
    unit = await office.unit("UBND tỉnh Hà Nam Ninh")
    person = await office.person("Nguyễn Thị Hòa")
    meeting = await office.add(
        Meeting(
            title="Họp giao ban",
            unit_id=unit,
            state="invited",
            starts_at=BEGINS,
            ends_at=ENDS,
            contact="0226 000 000",
            created_by="x",
            created_at=START,
        )
    )
    await office.add(Site(meeting_id=meeting, number=1, role="chair", name="UBND tỉnh", person_name="Vũ Đình Khải"))
    site = await office.add(
        Site(
            meeting_id=meeting,
            number=2,
            name="Xã Hương Sơn",
            person_id=person,
            person_name="Nguyễn Thị Hòa",
            person_title="Chủ tịch",
        )
    )
    ticket = office.deps.tickets.sign(Ticket(site, meeting, 1, ENDS))
    return Invited(office, meeting, site, person, ticket)


async def test_a_ticket_shows_the_meeting_to_who_holds_it(invited: Invited) -> None:
    answer = await invited.office.browser().get(f"/api/join/{invited.ticket}")
    assert answer.status == 200
    body = answer.body
    assert (body["title"], body["body"], body["chair"]) == ("Họp giao ban", "UBND tỉnh Hà Nam Ninh", "Vũ Đình Khải")
    assert (body["site"], body["site_name"], body["person"]) == (
        invited.site,
        "Xã Hương Sơn",
        "Chủ tịch Nguyễn Thị Hòa",
    )
    assert (body["role"], body["answer"], body["state"], body["sites"]) == ("delegate", "none", "invited", 2)
    assert body["contact"] == "0226 000 000"


async def test_a_ticket_answers_the_invitation(invited: Invited) -> None:
    browser, path = invited.office.browser(), f"/api/join/{invited.ticket}"
    assert (await browser.post(path, {"answer": "accepted"})).body["answer"] == "accepted"
    assert invited.office.rooms.told == []
    nameless = await browser.post(path, {"answer": "substitute"})
    assert (nameless.status, nameless.code) == (400, "substitute_name_needed")
    substitute = {"answer": "substitute", "substitute_name": "Phó Chủ tịch Lê Tám", "note": "Chủ tịch đi công tác"}
    assert (await browser.post(path, substitute)).body["person"] == "Phó Chủ tịch Lê Tám"
    assert invited.office.rooms.told == [("facts_changed", invited.meeting)]
    assert (await browser.post(path, {"answer": "declined"})).body["person"] == "Chủ tịch Nguyễn Thị Hòa"


@pytest.mark.parametrize("forged", ["khong-phai-ve", "a.b.c", "e30.e30.e30"])
async def test_what_is_no_ticket_opens_nothing(invited: Invited, forged: str) -> None:
    answer = await invited.office.browser().get(f"/api/join/{forged}")
    assert (answer.status, answer.code) == (404, "ticket_unknown")


async def test_a_ticket_of_another_installation_or_of_an_earlier_serial_opens_nothing(invited: Invited) -> None:
    browser = invited.office.browser()
    foreign = Tickets(b"another secret, also 32 bytes long").sign(Ticket(invited.site, invited.meeting, 1, ENDS))
    void = invited.office.deps.tickets.sign(Ticket(invited.site, invited.meeting, 0, ENDS))
    for ticket in (foreign, void, invited.ticket[:-2]):
        for answer in (
            await browser.get(f"/api/join/{ticket}"),
            await browser.post(f"/api/join/{ticket}", {"answer": "accepted"}),
        ):
            assert (answer.status, answer.code) == (404, "ticket_unknown")


async def test_a_ticket_ends(invited: Invited) -> None:
    invited.office.clock.moment = ENDS
    answer = await invited.office.browser().get(f"/api/join/{invited.ticket}")
    assert (answer.status, answer.code) == (410, "ticket_expired")


async def test_a_cancelled_meeting_says_so(invited: Invited) -> None:
    await invited.office.change(Meeting, invited.meeting, state="cancelled")
    answer = await invited.office.browser().get(f"/api/join/{invited.ticket}")
    assert (answer.status, answer.code) == (409, "meeting_cancelled")


async def test_an_answer_after_the_meeting_comes_too_late(invited: Invited) -> None:
    await invited.office.change(Meeting, invited.meeting, state="adjourned")
    browser, path = invited.office.browser(), f"/api/join/{invited.ticket}"
    assert (await browser.get(path)).body["state"] == "adjourned"
    answer = await browser.post(path, {"answer": "accepted"})
    assert (answer.status, answer.code) == (409, "not_answerable")


async def test_the_signed_in_get_a_ticket_of_their_own_site_alone(invited: Invited) -> None:
    hoa = await invited.office.signed_in("hoa", OfficeOf.MEMBER, invited.person)
    answer = await hoa.post(f"/api/meetings/{invited.meeting}/ticket")
    assert answer.status == 200
    seen = await invited.office.browser().get("/api" + answer.body["url"])
    assert seen.body["site"] == invited.site

    stranger = await invited.office.signed_in("khac", OfficeOf.SECRETARY)
    assert (await stranger.post(f"/api/meetings/{invited.meeting}/ticket")).code == "meeting_unknown"
    administrator = await invited.office.administrator()
    refused = await administrator.post(f"/api/meetings/{invited.meeting}/ticket")
    assert (refused.status, refused.code) == (403, "no_seat")
    assert (await invited.office.browser().post(f"/api/meetings/{invited.meeting}/ticket")).status == 401


@pytest.mark.parametrize(
    ("state", "code"),
    [("cancelled", "meeting_cancelled"), ("adjourned", "meeting_adjourned"), ("approved", "meeting_adjourned")],
)
async def test_there_is_no_ticket_to_a_meeting_that_is_over(invited: Invited, state: str, code: str) -> None:
    await invited.office.change(Meeting, invited.meeting, state=state)
    hoa = await invited.office.signed_in("hoa", OfficeOf.MEMBER, invited.person)
    answer = await hoa.post(f"/api/meetings/{invited.meeting}/ticket")
    assert (answer.status, answer.code) == (409, code)


async def test_the_join_page_learns_what_a_relay_can_carry(office: Office) -> None:
    answer = await office.browser().get("/api/rtp-capabilities")
    codecs = {codec["mimeType"].lower() for codec in answer.body["codecs"]}
    assert {"audio/opus", "video/vp8", "video/h264", "video/rtx"} <= codecs
