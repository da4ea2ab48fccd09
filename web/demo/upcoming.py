"""The meeting that lies ahead: invited in time, some answers in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from meetings.access import Role
from meetings.answers import give
from meetings.convene import Answer
from meetings.queries import whole
from meetings.tables import AgendaItem, Meeting, Site
from meetings.working_days import VIETNAM, add_working_days
from scheduler.invitations import invite
from web.demo.office import Known, People
from web.deps import Deps
from web.tables import Account

SEATS = (
    (Role.CHAIR, "khai"), (Role.SECRETARY, "nhan"), (Role.DELEGATE, "duc"), (Role.DELEGATE, "lam"),
    (Role.DELEGATE, "hoa"), (Role.DELEGATE, "tam"), (Role.DELEGATE, "bao"), (Role.OBSERVER, "minh"),
)  # fmt: skip
ANSWERS: tuple[tuple[str, Answer, str], ...] = (
    ("duc", "accepted", ""),
    ("hoa", "accepted", ""),
    ("tam", "substitute", "Phó Chủ tịch Lương Thị Thắm"),
)
AHEAD = 5
"""Working days from today to the meeting."""


async def convene(deps: Deps, people: People) -> None:
    """Writes the meeting and sends its invitations in one transaction."""
    await deps.jobs.open()
    now = deps.now()
    day = add_working_days(now.astimezone(VIETNAM).date(), AHEAD)
    begins = datetime(day.year, day.month, day.day, 8, tzinfo=VIETNAM)
    async with deps.database.begin() as session:
        convener = await session.scalar(select(Account.id).where(Account.person_id == people["nhan"].id))
        row = Meeting(
            unit_id=people["nhan"].unit,
            title=f"Họp giao ban UBND tỉnh tháng {begins.month}",
            starts_at=begins,
            ends_at=begins + timedelta(hours=3, minutes=30),
            place="Phòng họp số 2, trụ sở UBND tỉnh",
            request="Đại biểu chuẩn bị báo cáo theo chương trình gửi kèm.",
            contact="Hoàng Thị Nhàn, điện thoại 0226 000 0000",
            signer_title="KT. CHÁNH VĂN PHÒNG\nPHÓ CHÁNH VĂN PHÒNG",
            signer_name="Đỗ Minh Thuận",
            created_by=convener or "",
            created_at=now,
        )
        session.add(row)
        await session.flush()
        sites = seat(row.id, [(role, people[key]) for role, key in SEATS])
        session.add_all(sites)
        await session.flush()
        for number, (title, minutes, presenter) in enumerate(
            (
                ("Tình hình kinh tế - xã hội trong tháng", 40, 2),
                ("Tiến độ giải phóng mặt bằng tuyến ven sông", 60, 3),
                ("Chuẩn bị phòng, chống rét cho cây trồng, vật nuôi", 40, 4),
                ("Nhiệm vụ trọng tâm tháng tới", 30, 0),
            ),
            1,
        ):
            session.add(
                AgendaItem(
                    meeting_id=row.id, number=number, title=title, minutes=minutes, presenter=sites[presenter].id
                )
            )
        await session.flush()
        meeting = row.id
        session.expire_all()
        await invite(session, deps.jobs, meeting, now)
        invited = await whole(session, meeting)
        for key, answer, substitute in ANSWERS:
            site = next(site for site in invited.sites if site.person_id == people[key].id)
            give(invited, site, answer, substitute_name=substitute, note="", now=now)


def seat(meeting: str, seats: Sequence[tuple[Role, Known]]) -> list[Site]:
    """One site for each person, under the name of the unit."""
    return [
        Site(
            meeting_id=meeting,
            number=number,
            unit_id=known.unit,
            person_id=known.id,
            role=role,
            name=known.unit_name,
            person_name=known.name,
            person_title=known.title,
            email=known.email,
        )
        for number, (role, known) in enumerate(seats, 1)
    ]
