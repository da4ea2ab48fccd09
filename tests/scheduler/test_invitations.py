"""An invitation's life, on both databases, with a real mail server: sent, changed, withdrawn, called off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from guests import BASE_URL, ENDS, NOW, STARTS, TICKETS, Mailbox, convene, entry, post_office, seat, until
from postgres import fresh_url, open_database
from sqlalchemy import select

from meetings.errors import NotFound, Refused, WrongMoment
from meetings.queries import whole
from meetings.tables import Meeting
from scheduler.deliveries import deliveries
from scheduler.invitations import cancel, invite, resend
from scheduler.mail import MailDelayed, Smtp
from scheduler.tables import DeliveryRow
from store.base import Base
from store.database import Database
from store.jobs import Jobs


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite:{tmp_path}" if request.param == "sqlite" else fresh_url())
    async with database.rows.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


async def sends(database: Database, jobs: Jobs, meeting: str) -> int:
    async with database.begin() as session:
        return await invite(session, jobs, meeting, NOW)


async def edits(database: Database, meeting: str, change: Callable[[Meeting], object]) -> None:
    async with database.begin() as session:
        change(await whole(session, meeting, for_change=True))


async def settled(database: Database, meeting: str) -> dict[str, int]:
    """Waits until no letter is on its way; how many ended in which state."""

    async def none_queued() -> bool:
        async with database.begin() as session:
            waiting = await session.scalars(select(DeliveryRow.id).where(DeliveryRow.state == "queued"))
            return not waiting.all()

    await until(none_queued)
    async with database.begin() as session:
        states = await session.scalars(select(DeliveryRow.state).where(DeliveryRow.meeting_id == meeting))
        return dict(Counter(states))


def told(message: EmailMessage) -> tuple[str, int]:
    calendar, event = entry(message)
    return str(calendar["METHOD"]), int(event["SEQUENCE"])


def history(mailbox: Mailbox, site: int) -> list[tuple[str, int]]:
    return [told(message) for message in mailbox.to(f"diemcau{site}@hatinh.example")]


async def test_every_site_gets_its_own_invitation_with_its_own_link(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database, sites=4)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        assert await sends(database, jobs, meeting) == 4
        assert await settled(database, meeting) == {"sent": 4}
    seats: set[str] = set()
    for message in mailbox.taken:
        _, event = entry(message)
        (conference,) = event.conferences
        ticket = TICKETS.read(conference.uri.removeprefix(f"{BASE_URL}/join/"), NOW)
        assert (ticket.meeting, ticket.serial, ticket.expires_at) == (meeting, 1, ENDS + timedelta(hours=24))
        assert event["UID"] == f"{meeting}.{ticket.site}@nghisu"
        seats.add(ticket.site)
    assert len(seats) == 4
    async with database.begin() as session:
        row = await session.get_one(Meeting, meeting)
        assert (row.state, row.sequence, row.invited_at) == ("invited", 0, NOW)
        assert set((await deliveries(session, meeting)).values()) == {"sent"}


async def test_what_the_secretary_edits_meanwhile_does_not_leak_into_letters_on_their_way(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url:
        pass
    async with post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        await edits(database, meeting, lambda row: setattr(row, "title", "Chưa gửi"))
        async with mailbox.open():
            await settled(database, meeting)
    assert {str(entry(message)[1]["SUMMARY"])[:10] for message in mailbox.taken} == {"Giao ban c"}


async def test_a_rolled_back_invitation_sends_nothing(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)

    async def roll_back(jobs: Jobs) -> None:
        async with database.begin() as session:
            await invite(session, jobs, meeting, NOW)
            raise ZeroDivisionError

    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        with pytest.raises(ZeroDivisionError):
            await roll_back(jobs)
        other = await convene(database)
        await sends(database, jobs, other)
        await settled(database, other)
    assert {str(entry(message)[1]["UID"]).split(".")[0] for message in mailbox.taken} == {other}


async def test_a_change_raises_sequence_keeps_the_uid_and_asks_again_for_new_dates(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        await settled(database, meeting)
        await edits(database, meeting, lambda row: [setattr(site, "answer", "accepted") for site in row.sites])
        await edits(database, meeting, lambda row: setattr(row, "place", "Hội trường B"))
        assert await sends(database, jobs, meeting) == 3
        await settled(database, meeting)
        assert await answers(database, meeting) == {"accepted"}
        await edits(database, meeting, lambda row: setattr(row, "starts_at", STARTS + timedelta(hours=1)))
        await sends(database, jobs, meeting)
        await settled(database, meeting)
        assert await answers(database, meeting) == {"none"}
    assert history(mailbox, 3) == [("REQUEST", 0), ("REQUEST", 1), ("REQUEST", 2)]
    letters = mailbox.to("diemcau3@")
    assert len({str(entry(letter)[1]["UID"]) for letter in letters}) == 1
    assert len({str(letter["Message-ID"]) for letter in letters}) == 3
    assert [str(letter["Subject"]).split(":")[0] for letter in letters] == [
        "Giấy mời", "Giấy mời (thay đổi)", "Giấy mời (thay đổi)",
    ]  # fmt: skip
    assert entry(letters[1])[1]["LOCATION"] == "Hội trường B"


async def answers(database: Database, meeting: str) -> set[str]:
    async with database.begin() as session:
        return {site.answer for site in (await whole(session, meeting)).sites}


async def test_sending_twice_without_a_change_sends_once(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        assert await sends(database, jobs, meeting) == 3
        assert await sends(database, jobs, meeting) == 0
        await settled(database, meeting)
    assert len(mailbox.taken) == 3


async def test_the_list_changes_one_leaves_one_comes_one_moves(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database, sites=5)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        await settled(database, meeting)

        def change(row: Meeting) -> None:
            row.sites[2].email, row.sites[2].ticket_serial = "khac@hatinh.example", 2
            row.sites.remove(row.sites[3])
            row.sites.append(seat(row.id, 6))

        await edits(database, meeting, change)
        assert await sends(database, jobs, meeting) == 4
        await settled(database, meeting)
    assert history(mailbox, 1) == history(mailbox, 2) == history(mailbox, 5) == [("REQUEST", 0)]
    assert history(mailbox, 4) == [("REQUEST", 0), ("CANCEL", 1)]
    assert history(mailbox, 6) == [("REQUEST", 1)]
    assert history(mailbox, 3) == [("REQUEST", 0), ("CANCEL", 1)]
    (moved,) = mailbox.to("khac@")
    assert told(moved) == ("REQUEST", 1)
    assert str(moved["Subject"]).startswith("Giấy mời: ")
    withdrawn = mailbox.to("diemcau4@")[1]
    assert str(withdrawn["Subject"]).startswith("Thu hồi giấy mời")


async def test_calling_off_reaches_whoever_was_invited_after_the_invitation(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        await settled(database, meeting)
        async with database.begin() as session:
            assert await cancel(session, jobs, meeting, "Bão số 12", NOW) == 3
        await settled(database, meeting)
        with pytest.raises(WrongMoment):
            await sends(database, jobs, meeting)
    for site in (1, 2, 3):
        assert history(mailbox, site) == [("REQUEST", 0), ("CANCEL", 1)]
    last = mailbox.to("diemcau3@")[1].get_body(("plain",))
    assert last is not None
    assert "Lý do: Bão số 12" in last.get_content()


async def test_an_invitation_called_off_before_it_left_is_never_sent(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url:
        pass
    async with post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        async with database.begin() as session:
            await cancel(session, jobs, meeting, "", NOW)
        async with mailbox.open():
            assert await settled(database, meeting) == {"superseded": 6}
            async with database.begin() as session:
                assert await deliveries(session, meeting) == {}
    assert mailbox.taken == []


async def test_a_cancel_waits_behind_its_slow_request(database: Database) -> None:
    """The first attempt hangs at the mail server; the CANCEL of the same site stays behind it, others pass."""
    meeting, sent = await convene(database), list[tuple[str, str]]()
    hanging, gate = asyncio.Event(), asyncio.Event()

    class Slow:
        async def send(self, message: EmailMessage) -> None:
            method = told(message)[0]
            if method == "REQUEST" and "diemcau3@" in str(message["To"]):
                hanging.set()
                await gate.wait()
            sent.append((str(message["To"]), method))

    async with post_office(database, Slow()) as jobs:
        await sends(database, jobs, meeting)
        await hanging.wait()
        await until(lambda: len(sent) == 2)
        async with database.begin() as session:
            await cancel(session, jobs, meeting, "", NOW)
        await until(lambda: len(sent) == 4)
        gate.set()
        await settled(database, meeting)
    assert [method for to, method in sent if "diemcau3@" in to] == ["REQUEST", "CANCEL"]


async def test_a_mail_server_down_and_up_again_gets_every_letter_exactly_once(database: Database) -> None:
    mailbox, meeting, failures = Mailbox(), await convene(database, sites=12), 0
    async with mailbox.open() as url:
        pass

    class Counted(Smtp):
        async def send(self, message: EmailMessage) -> None:
            nonlocal failures
            try:
                await super().send(message)
            except MailDelayed:
                failures += 1
                raise

    async with post_office(database, Counted(url)) as jobs:
        await sends(database, jobs, meeting)
        await until(lambda: failures > 12)
        async with mailbox.open():
            assert await settled(database, meeting) == {"sent": 12}
    assert Counter(str(message["Message-ID"]) for message in mailbox.taken).most_common(1)[0][1] == 1
    assert len(mailbox.taken) == 12


async def test_a_refused_address_is_seen_mended_and_sent_again(database: Database) -> None:
    mailbox = Mailbox(refuse={"diemcau3@hatinh.example": "550 no such user"})
    meeting = await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        await sends(database, jobs, meeting)
        assert await settled(database, meeting) == {"sent": 2, "failed": 1}
        async with database.begin() as session:
            failed = [site for site, fate in (await deliveries(session, meeting)).items() if fate == "failed"]
        mailbox.refuse.clear()
        async with database.begin() as session:
            await resend(session, jobs, meeting, failed[0], NOW + timedelta(hours=1))
        assert await settled(database, meeting) == {"sent": 3}
    (letter,) = mailbox.to("diemcau3@")
    assert told(letter) == ("REQUEST", 0)
    assert ".request.1@" in str(letter["Message-ID"])


async def test_what_is_not_ready_or_not_known_is_not_sent(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        await edits(database, meeting, lambda row: setattr(row, "contact", ""))
        with pytest.raises(Refused) as refusal:
            await sends(database, jobs, meeting)
        assert (refusal.value.code, refusal.value.facts["what"]) == ("invitation_incomplete", "contact")
        async with database.begin() as session:
            with pytest.raises(WrongMoment):
                await resend(session, jobs, meeting, "x", NOW)
        await edits(database, meeting, lambda row: setattr(row, "contact", "0239"))
        await sends(database, jobs, meeting)
        async with database.begin() as session:
            with pytest.raises(NotFound):
                await resend(session, jobs, meeting, "x", NOW)
        await settled(database, meeting)
    assert len(mailbox.taken) == 3


async def test_a_draft_called_off_tells_nobody(database: Database) -> None:
    mailbox, meeting = Mailbox(), await convene(database)
    async with mailbox.open() as url, post_office(database, Smtp(url)) as jobs:
        async with database.begin() as session:
            assert await cancel(session, jobs, meeting, "", NOW) == 0
        async with database.begin() as session:
            assert (await session.get_one(Meeting, meeting)).state == "cancelled"
    assert mailbox.taken == []


async def test_an_answer_that_got_lost_repeats_the_letter_under_the_same_id(database: Database) -> None:
    """The server took the letter, but its answer never came: the repetition is recognised by its Message-ID."""
    mailbox, meeting = Mailbox(), await convene(database)

    class Forgetful(Smtp):
        async def send(self, message: EmailMessage) -> None:
            await super().send(message)
            if len(mailbox.taken) <= 3:
                raise MailDelayed("the answer never came")

    async with mailbox.open() as url, post_office(database, Forgetful(url)) as jobs:
        await sends(database, jobs, meeting)
        await settled(database, meeting)
    copies = {str(message["Message-ID"]): message.as_bytes() for message in mailbox.taken}
    assert len(copies) == 3
    assert len(mailbox.taken) > 3
    assert all(copies[str(message["Message-ID"])] == message.as_bytes() for message in mailbox.taken)
