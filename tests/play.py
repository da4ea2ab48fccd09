"""A playbook of a live meeting: who says what, what it brings about, who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meetings.access import Role
from meetings.events import AnyEvent, Entry
from meetings.facts import AgendaItem, Facts, Site
from signaling.letters import letters
from signaling.protocol import Act, AnyAct, AnyMessage, Devices, Enter
from signaling.room import Room, apply
from signaling.rules import judge, seats
from signaling.views import Live

BEGIN = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)

FACTS = Facts(
    meeting="m",
    title="Họp giao ban tháng 11",
    starts_at="2026-11-25T08:00:00+07:00",
    ends_at="2026-11-25T11:30:00+07:00",
    body="UBND tỉnh",
    agenda=(AgendaItem("a1", 1, "Kinh tế - xã hội", 20), AgendaItem("a2", 2, "Giải phóng mặt bằng", 20)),
    sites=(
        Site("chair", "u", "Điểm cầu chính", "Vũ Đình Khải", Role.CHAIR),
        Site("clerk", "u", "Văn phòng", "Hoàng Thị Nhàn", Role.SECRETARY),
        Site("north", "n", "Xã Bắc", "Lê Văn Bắc", Role.DELEGATE),
        Site("south", "s", "Xã Nam", "Trần Thị Nam", Role.DELEGATE),
        Site("guest", "g", "Báo", "Phạm Quan", Role.OBSERVER),
    ),
)


def wish(**changes: object) -> Enter:
    return Enter(**{"rtp_capabilities": {}, "person": "", **changes})  # type: ignore[arg-type]


@dataclass
class Play:
    """A playbook: ``play >> (who, act)`` says it, ``play << (…)`` checks the events that it brought about.

    A minute passes before each line. ``said`` keeps the messages to whom they were addressed.
    """

    room: Room = field(default_factory=Room)
    happened: list[AnyEvent] = field(default_factory=list[AnyEvent])
    said: list[tuple[str, AnyMessage]] = field(default_factory=list[tuple[str, AnyMessage]])
    log: list[Entry] = field(default_factory=list[Entry])
    now: datetime = BEGIN

    def write(self, events: list[AnyEvent]) -> None:
        before = self.room
        entries = [Entry(before.seq + n, self.now, event) for n, event in enumerate(events, 1)]
        for entry in entries:
            self.room = apply(self.room, entry)
        self.log += entries
        here = {site.id: Live(connected=True, devices=Devices()) for site in FACTS.sites}
        self.happened = events
        self.said = [(x.to, x.message) for x in letters(before, self.room, entries, here, interrupted=False)]

    def __rshift__(self, line: tuple[str, AnyAct]) -> Play:
        who, act = line
        assert isinstance(act, Act)
        self.now += timedelta(minutes=1)
        self.write(list(judge(self.room, who, act)))
        return self

    def __lshift__(self, expected: tuple[AnyEvent, ...]) -> Play:
        assert tuple(self.happened) == expected
        return self

    def enter(self, *sites: str, **changes: object) -> Play:
        for site in sites:
            self.write(list(seats.enter(self.room, site, wish(**changes))))
        return self

    def heard(self, to: str) -> list[AnyMessage]:
        return [message for addressee, message in self.said if addressee == to]
