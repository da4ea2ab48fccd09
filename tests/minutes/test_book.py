"""The minutes from the adjournment to the chair's approval, on real databases."""

from __future__ import annotations

import msgspec
import pypdfium2
import pytest
from minutes_story import (
    CHAIRMAN,
    CONVENER,
    DELEGATE,
    SECRETARY,
    STRANGER,
    add_meeting,
    convened,
    soon,
    whole_story,
    write_log,
)
from sqlalchemy import func, select

from documents.numbering import NumberRow
from meetings.errors import Conflict, Invalid, NotAllowed, NotFound, Refused, WrongMoment
from meetings.meeting import State as MeetingState
from meetings.tables import Meeting
from minutes.content import Content, Paragraph
from minutes.history import broken
from minutes.people import Actor
from minutes.state import Act, State
from minutes.tables import MinutesRow, SealRow
from minutes.watch import MinutesFollowLog
from store.files import FileRow


async def shown(office, actor: Actor = SECRETARY) -> Content:
    return (await office.book.look("m1", actor)).content


def worded(content: Content, text: str) -> Content:
    """The same minutes with one more paragraph at the end of the second item."""
    first, second, *rest = content.sections
    written = msgspec.structs.replace(second, paragraphs=(*second.paragraphs, Paragraph("p-1", "text", text, (6,))))
    return msgspec.structs.replace(content, sections=(first, written, *rest))


async def revision(office) -> int:
    return (await office.book.look("m1", SECRETARY)).past.last.revision


async def submitted(office, text: str = "UBND xã đã chi trả 42/57 hộ.") -> None:
    content = worded(await shown(office), text)
    await office.book.save("m1", SECRETARY, await revision(office), content)
    await office.book.submit("m1", SECRETARY)


async def count(office, table: type, *where) -> int:
    async with office.database.begin() as session:
        return await session.scalar(select(func.count()).select_from(table).where(*where)) or 0


async def test_the_adjournment_opens_the_minutes_once(office):
    follow = MinutesFollowLog(office.book)
    lines = await office.chain.read("m1")
    await follow("m1", lines)
    await follow("m1", lines)
    assert await count(office, MinutesRow) == 1
    seen = await office.book.look("m1", SECRETARY)
    assert (seen.past.state, seen.past.last.revision) == (State.DRAFT, 1)
    assert seen.content.place == "Phòng họp số 2 và 02 điểm cầu trực tuyến"
    assert "Vắng mặt: UBND xã Liên Hà (người được mời: Chủ tịch Lê Văn Cảnh), có báo trước" in seen.content.attendance


async def test_a_log_that_grows_after_the_adjournment_is_sealed_at_its_new_end(office):
    follow = MinutesFollowLog(office.book)
    lines = await office.chain.read("m1")
    await follow("m1", lines)
    later = await office.chain.append("m1", lines[-1].seq, lines[-1].hash, [(lines[-1].at, lines[-1].payload)])
    await follow("m1", later)
    async with office.database.begin() as session:
        seals = list(await session.scalars(select(SealRow).order_by(SealRow.seq)))
    assert [(seal.seq, seal.hash) for seal in seals] == [(line.seq, line.hash) for line in (lines[-1], later[-1])]


async def test_a_meeting_that_goes_on_has_neither_minutes_nor_seals(office):
    await add_meeting(office.database, "m2", MeetingState.LIVE)
    lines = await write_log(office.chain, convened().entries, "m2")
    await MinutesFollowLog(office.book)("m2", lines)
    assert await count(office, SealRow) == await count(office, MinutesRow) == 0
    with pytest.raises(WrongMoment) as refused:
        await office.book.look("m2", SECRETARY)
    assert refused.value.code == "minutes_not_begun"


async def test_many_who_look_first_at_the_same_time_see_one_draft(office):
    looks = await soon(*(office.book.look("m1", actor) for actor in (SECRETARY, CHAIRMAN, DELEGATE, CONVENER)))
    assert {seen.past.last.revision for seen in looks} == {1}
    assert await count(office, MinutesRow) == 1


@pytest.mark.parametrize(
    ("actor", "writes", "approves"),
    [
        (SECRETARY, True, False),
        (CONVENER, True, False),
        (CHAIRMAN, False, True),
        (DELEGATE, False, False),
    ],
)
async def test_the_invited_read_the_secretary_writes_the_chair_approves(office, actor, writes, approves):
    seen = await office.book.look("m1", actor)
    assert (seen.standing.writes, seen.standing.approves) == (writes, approves)
    if not writes:
        with pytest.raises(NotAllowed):
            await office.book.save("m1", actor, 1, seen.content)
        with pytest.raises(NotAllowed):
            await office.book.submit("m1", actor)
    await office.book.submit("m1", SECRETARY)
    if not approves:
        with pytest.raises(NotAllowed):
            await office.approval.approve("m1", actor)
        with pytest.raises(NotAllowed):
            await office.book.give_back("m1", actor, "Sửa lại")


async def test_whoever_was_not_invited_sees_nothing(office):
    for refused in (office.book.look("m1", STRANGER), office.approval.pdf("m1", STRANGER)):
        with pytest.raises(NotFound):
            await refused
    with pytest.raises(NotFound):
        await office.book.look("none", SECRETARY)


async def test_a_save_in_between_is_a_conflict_and_changes_nothing(office):
    content = await shown(office)
    await office.book.save("m1", SECRETARY, 1, worded(content, "Của thư ký."))
    with pytest.raises(Conflict) as refused:
        await office.book.save("m1", CONVENER, 1, worded(content, "Của người triệu tập."))
    assert (refused.value.code, refused.value.facts) == ("conflict", {"revision": 2})
    assert "Của thư ký." in str(await shown(office))


async def test_of_two_saves_at_the_same_moment_one_is_kept(office):
    content = await shown(office)
    outcomes = await soon(
        office.book.save("m1", SECRETARY, 1, worded(content, "A")),
        office.book.save("m1", CONVENER, 1, worded(content, "B")),
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]


async def test_a_paragraph_rests_only_on_what_happened(office):
    content = await shown(office)
    first, *rest = content.sections
    invented = msgspec.structs.replace(first, paragraphs=(Paragraph("x", "text", "?", (9999,)),))
    with pytest.raises(Invalid) as refused:
        await office.book.save("m1", SECRETARY, 1, msgspec.structs.replace(content, sections=(invented, *rest)))
    assert (refused.value.code, refused.value.facts) == ("evidence_unknown", {"seq": 9999})


async def test_saves_of_one_hand_are_one_revision_and_an_hour_of_work_is_several(office):
    content = await shown(office)
    for minute in range(12):
        await office.book.save("m1", SECRETARY, minute + 1, worded(content, f"Câu {minute}"))
        office.time.pass_by(minutes=1)
    await office.book.save("m1", CONVENER, 13, worded(content, "Người khác"))
    async with office.database.begin() as session:
        kept = [(r.revision, r.act, r.name) for r in await session.scalars(select(MinutesRow))]
        assert await broken(session, "m1") == []
    assert kept == [
        (1, "draft", ""), (6, "save", "Hoàng Thị Nhàn"), (11, "save", "Hoàng Thị Nhàn"),
        (13, "save", "Hoàng Thị Nhàn"), (14, "save", "Đỗ Minh Thuận"),
    ]  # fmt: skip


async def test_the_chair_returns_with_a_reason_that_lasts_until_the_next_submission(office):
    await submitted(office)
    await office.book.give_back("m1", CHAIRMAN, "Ghi rõ số hộ")
    past = (await office.book.look("m1", SECRETARY)).past
    assert (past.state, past.returned.reason, past.returned.name) == (State.DRAFT, "Ghi rõ số hộ", "Vũ Đình Khải")
    await office.book.save("m1", SECRETARY, past.last.revision, await shown(office))
    assert (await office.book.look("m1", SECRETARY)).past.returned is not None
    await office.book.submit("m1", SECRETARY)
    assert (await office.book.look("m1", SECRETARY)).past.returned is None
    assert await count(office, MinutesRow, MinutesRow.act == "return", MinutesRow.reason == "Ghi rõ số hộ") == 1


async def test_a_letter_that_no_paper_bears_is_named_before_the_chair_sees_it(office):
    content = worded(await shown(office), "Nhất trí 👍")
    await office.book.save("m1", SECRETARY, 1, content)
    with pytest.raises(Refused) as refused:
        await office.book.submit("m1", SECRETARY)
    assert (refused.value.code, refused.value.facts) == ("unprintable", {"letters": "👍"})
    assert (await office.approval.pdf("m1", SECRETARY)).content.startswith(b"%PDF")


async def test_approval_numbers_keeps_seals_and_ends_the_life(office):
    await submitted(office)
    await office.approval.approve("m1", CHAIRMAN, await revision(office))
    seen = await office.book.look("m1", DELEGATE)
    assert (seen.past.state, seen.past.last.number) == (State.APPROVED, "01/BB-VP")
    assert seen.past.latest(Act.APPROVE).name == "Vũ Đình Khải"
    async with office.database.begin() as session:
        meeting = await session.get(Meeting, "m1")
        file = await session.scalar(select(FileRow))
        register = await session.scalar(select(NumberRow))
        sealed = await session.scalar(select(SealRow).where(SealRow.chain == "minutes"))
    assert meeting.state == MeetingState.APPROVED
    assert (file.id, file.kind, file.name) == (seen.past.last.file, "minutes", "Biên bản 01-BB-VP.pdf")
    assert (register.body, register.kind, register.year, register.number) == ("office", "BB", 2026, 1)
    assert (sealed.seq, sealed.hash) == (seen.past.last.revision, seen.past.last.hash)
    for change in (
        office.book.save("m1", SECRETARY, seen.past.last.revision, seen.content),
        office.book.submit("m1", SECRETARY),
        office.book.give_back("m1", CHAIRMAN, "Sửa"),
        office.approval.approve("m1", CHAIRMAN),
    ):
        with pytest.raises(WrongMoment):
            await change


async def test_the_approved_file_is_handed_out_as_kept_and_says_what_was_approved(office):
    await submitted(office, "UBND xã đã chi trả 42/57 hộ.")
    draft = (await office.approval.pdf("m1", DELEGATE)).content
    await office.approval.approve("m1", CHAIRMAN)
    kept = await office.approval.pdf("m1", DELEGATE)
    assert kept.content.read_bytes() == kept.content.read_bytes()
    before, after = text(draft), text(kept.content.read_bytes())
    assert "DỰ THẢO" in before
    assert "DỰ THẢO" not in after
    assert "Số: 01/BB-VP" in after
    assert "UBND xã đã chi trả 42/57 hộ." in after
    assert after.index("THƯ KÝ") < after.index("Hoàng Thị Nhàn", after.index("THƯ KÝ"))


async def test_the_chair_approves_only_the_text_that_the_chair_has_seen(office):
    await submitted(office)
    seen = await revision(office)
    await office.book.give_back("m1", CHAIRMAN, "Sửa")
    await submitted(office, "Câu khác.")
    with pytest.raises(Conflict):
        await office.approval.approve("m1", CHAIRMAN, seen)
    assert await count(office, NumberRow) == 0


async def test_a_meeting_that_is_not_adjourned_in_the_rows_is_not_approved(office):
    await submitted(office)
    async with office.database.begin() as session:
        (await session.get(Meeting, "m1")).state = MeetingState.LIVE
    with pytest.raises(WrongMoment):
        await office.approval.approve("m1", CHAIRMAN)
    assert await count(office, NumberRow) == await count(office, FileRow) == 0


async def test_a_number_that_was_taken_meanwhile_leaves_nothing_behind_and_the_next_is_given(office, monkeypatch):
    await submitted(office)
    await add_meeting(office.database, "m2")
    place, others = office.files.place, [NumberRow(
        body="office", kind="BB", year=2026, number=1, subject="m2", given_at=office.time()
    )]  # fmt: skip

    async def meanwhile(**what):
        async with office.database.begin() as session:
            session.add_all(others)
        others.clear()
        return await place(**what)

    monkeypatch.setattr(office.files, "place", meanwhile)
    await office.approval.approve("m1", CHAIRMAN)
    assert (await office.book.look("m1", SECRETARY)).past.last.number == "02/BB-VP"
    assert await count(office, FileRow) == 1
    assert "Số: 02/BB-VP" in text((await office.approval.pdf("m1", CHAIRMAN)).content.read_bytes())


async def test_meetings_approved_at_the_same_time_get_each_its_number(office):
    meetings = [f"m{n}" for n in range(2, 8)]
    for meeting in meetings:
        await add_meeting(office.database, meeting)
        await write_log(office.chain, whole_story().entries, meeting)
        await office.book.look(meeting, SECRETARY)
        await office.book.submit(meeting, SECRETARY)
    outcomes = await soon(*(office.approval.approve(meeting, CHAIRMAN) for meeting in meetings))
    assert outcomes == [None] * 6
    numbers = [(await office.book.look(meeting, SECRETARY)).past.last.number for meeting in meetings]
    assert sorted(numbers) == [f"0{n}/BB-VP" for n in range(1, 7)]


async def test_two_approvals_of_one_meeting_are_one(office):
    await submitted(office)
    outcomes = await soon(office.approval.approve("m1", CHAIRMAN), office.approval.approve("m1", CHAIRMAN))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "WrongMoment"]
    assert await count(office, FileRow) == await count(office, NumberRow) == 1


async def test_every_entry_jumps_to_its_moment_in_the_film(office):
    content = await office.book.timed(await office.book.look("m1", DELEGATE))
    assert [p.film for p in content.sections[1].paragraphs] == [72 * 60, 74 * 60, 120 * 60]


def text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()
