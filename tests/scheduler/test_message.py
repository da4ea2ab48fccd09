"""Letters and calendar entries, held against ``golden/``. Run with ``RENEW_GOLDEN=1`` after a wanted change."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from guests import BASE_URL, EDITION, GUEST, NOW, SENDER, entry
from icalendar import Calendar
from msgspec import structs

from meetings.access import Role
from scheduler.edition import Edition, Item, Recipient
from scheduler.ics import Stamp, calendar, uid
from scheduler.letter import CATALOGS, Purpose, compose
from scheduler.message import AddressInvalid, Envelope, mail

GOLDEN = Path(__file__).parent / "golden"
LINK = f"{BASE_URL}/join/TICKET"
CANCELLED = structs.replace(EDITION, cancelled=True, reason="Bão số 12 đổ bộ; họp bù sau")


def written(edition: Edition, purpose: Purpose, sequence: int) -> bytes:
    method = "REQUEST" if purpose in {"request", "update"} else "CANCEL"
    envelope = Envelope(method, sequence, 0, NOW)
    return mail(edition, GUEST, purpose, envelope, sender=SENDER, link=LINK).as_bytes()


def hold(name: str, content: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("RENEW_GOLDEN"):
        path.write_bytes(content)
    assert content == path.read_bytes(), f"{name} differs"


@pytest.mark.parametrize(
    ("name", "edition", "purpose", "sequence"),
    [
        ("invitation", EDITION, "request", 0),
        ("change", EDITION, "update", 1),
        ("cancellation", CANCELLED, "cancel", 2),
        ("withdrawal", EDITION, "withdraw", 1),
    ],
)
def test_each_letter_is_as_it_was_agreed(name: str, edition: Edition, purpose: Purpose, sequence: int) -> None:
    content = written(edition, purpose, sequence)
    hold(f"{name}.eml", content)
    message = message_from_bytes(content, policy=default)
    plain = message.get_body(("plain",))
    assert plain is not None
    hold(f"{name}.txt", plain.get_content().encode())
    part = next(part for part in message.walk() if part.get_content_type() == "application/ics")
    hold(f"{name}.ics", part.get_content())


def test_the_same_letter_is_the_same_bytes() -> None:
    assert written(EDITION, "request", 3) == written(EDITION, "request", 3)


def test_a_letter_is_built_as_mail_programs_expect_it() -> None:
    message = message_from_bytes(written(EDITION, "request", 0), policy=default)
    shape = [part.get_content_type() for part in message.walk()]
    assert shape == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics",
    ]  # fmt: skip
    inner, attached = list(message.walk())[4:]
    assert inner.get_param("method") == "REQUEST"
    assert inner.get_content().encode() == attached.get_content()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{GUEST.site}.0.request.0@hatinh.example>"
    assert message["Subject"] == "Giấy mời: Giao ban công tác tháng 11; triển khai nhiệm vụ tháng 12, 08:00 25/11/2026"
    assert not message.defects


def test_a_calendar_shows_the_hour_of_vietnam_wherever_it_is_read() -> None:
    calendar_, event = entry(message_from_bytes(written(EDITION, "request", 4), policy=default))
    assert calendar_["METHOD"] == "REQUEST"
    (zone,) = calendar_.timezones
    assert zone["TZID"] == "Asia/Ho_Chi_Minh"
    (standard,) = zone.walk("STANDARD")
    assert standard["TZOFFSETTO"].to_ical() == "+0700"
    assert event["DTSTART"].params["TZID"] == "Asia/Ho_Chi_Minh"
    assert event["DTSTART"].dt.replace(tzinfo=None) == datetime(2026, 11, 25, 8, 0)
    assert event["DTSTART"].dt == EDITION.starts_at
    assert event["DTEND"].dt == EDITION.ends_at
    assert event["DTSTAMP"].dt == NOW
    assert event["SEQUENCE"] == 4
    assert event["UID"] == uid(EDITION.meeting, GUEST.site)
    assert event["STATUS"] == "CONFIRMED"
    assert not calendar_.walk("VALARM")


def test_the_attendee_is_asked_to_answer_and_the_organiser_is_the_sender() -> None:
    _, event = entry(message_from_bytes(written(EDITION, "request", 0), policy=default))
    attendee = event["ATTENDEE"]
    assert attendee == "mailto:vanphong@huongson.example"
    assert dict(attendee.params) == {
        "CN": "Chủ tịch Trần Thị Hoa",
        "CUTYPE": "INDIVIDUAL",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "NEEDS-ACTION",
        "RSVP": "TRUE",
    }
    assert event["ORGANIZER"] == "mailto:hop@hatinh.example"
    assert event["ORGANIZER"].params["CN"] == EDITION.body
    (conference,) = event.conferences
    assert conference.uri == LINK
    assert conference.feature == ["AUDIO", "VIDEO"]


@pytest.mark.parametrize(
    ("role", "said"), [(Role.CHAIR, "CHAIR"), (Role.SECRETARY, "REQ-PARTICIPANT"), (Role.OBSERVER, "OPT-PARTICIPANT")]
)
def test_roles_of_the_meeting_have_their_word_in_calendars(role: Role, said: str) -> None:
    guest = structs.replace(GUEST, role=role, person="")
    content = calendar(
        EDITION, guest, Stamp("REQUEST", 0, NOW), organizer=SENDER, description="", label="Vào họp", link=LINK
    )
    attendee = Calendar.from_ical(content).walk("VEVENT")[0]["ATTENDEE"]
    assert attendee.params["ROLE"] == said
    assert attendee.params["CUTYPE"] == "ROOM"
    assert attendee.params["CN"] == "Xã Hương Sơn"


def test_a_cancellation_frees_the_time_and_shows_no_door() -> None:
    content = written(CANCELLED, "cancel", 2)
    message = message_from_bytes(content, policy=default)
    calendar_, event = entry(message)
    assert calendar_["METHOD"] == "CANCEL"
    assert (event["STATUS"], event["TRANSP"], event["SEQUENCE"]) == ("CANCELLED", "TRANSPARENT", 2)
    assert "CONFERENCE" not in event
    bodies = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    assert all("/join/" not in body for body in bodies)
    assert "Bão số 12 đổ bộ" in bodies[0]


def test_what_people_write_starts_no_header_and_no_markup() -> None:
    edition = structs.replace(
        EDITION,
        title="Họp\r\nBcc: nguoi-la@example.com\r\n\r\n<script>alert(1)</script>",
        request="BEGIN:VEVENT\nSUMMARY:khác",
        agenda=(Item("<img src=x onerror=alert(1)> {body}", 5),),
    )
    guest = structs.replace(GUEST, person='Ông "A"\r\nX-Evil: 1', site_name="Xã; B, C:\nD\x07")
    content = mail(edition, guest, "request", Envelope("REQUEST", 0, 0, NOW), sender=SENDER, link=LINK).as_bytes()
    message = message_from_bytes(content, policy=default)
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    html = message.get_body(("html",))
    assert html is not None
    assert "<script" not in html.get_content()
    assert "<img" not in html.get_content()
    assert "{body}" in html.get_content()
    _, event = entry(message)
    assert event["DESCRIPTION"].count("BEGIN:VEVENT") == 1
    assert event["SUMMARY"].startswith("Họp")


@pytest.mark.parametrize("email", ["không-có-a-còng", "hai@@a.example", "tên@a.example", "a@b\r\nBcc: c@d", "@"])
def test_an_address_that_cannot_be_written_to_is_named(email: str) -> None:
    guest = structs.replace(GUEST, email=email)
    with pytest.raises(AddressInvalid):
        mail(EDITION, guest, "request", Envelope("REQUEST", 0, 0, NOW), sender=SENDER, link=LINK)


def test_both_languages_say_the_same_things() -> None:
    assert CATALOGS["vi"].keys() == CATALOGS["en"].keys()
    for purpose in ("request", "update", "cancel", "withdraw"):
        english = compose(CANCELLED, GUEST, purpose, LINK, "en")
        assert "{" not in english.text
        assert "08:00, Wednesday, 25 November 2026" in english.text


def test_the_time_is_said_in_the_words_of_a_paper() -> None:
    text = compose(EDITION, GUEST, "request", LINK).text
    assert "Thời gian: 08 giờ 00, thứ Tư, ngày 25 tháng 11 năm 2026 (dự kiến kết thúc lúc 11 giờ 30)" in text


def test_a_site_without_a_named_person_is_invited_by_its_own_name() -> None:
    bare = Recipient("s", "Xã Đảo Sơn Ca", "", Role.DELEGATE, "dao@example.com")
    edition = structs.replace(EDITION, request="", starts_at=datetime(2026, 12, 31, 17, 30, tzinfo=UTC))
    text = compose(edition, bare, "request", LINK).text
    assert "Kính mời: Xã Đảo Sơn Ca\n" in text
    assert "00 giờ 30, thứ Sáu, ngày 01 tháng 01 năm 2027" in text
    assert "Đề nghị" not in text
