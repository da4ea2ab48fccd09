"""What happened in the finished meeting of the demo, second by second. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from meetings.events import (
    AnyEvent,
    ConclusionRecorded,
    FloorAsked,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MarkSet,
    MeetingAdjourned,
    MeetingOpened,
    MeetingPrepared,
    NoticeAcknowledged,
    RecordingStarted,
    RecordingStopped,
    SiteJoined,
    SiteLeft,
)
from meetings.facts import Facts

RECORDED = (1, 30)
"""The recording's first and last second after the opening."""

WORDS: Mapping[str, str] = {
    "finance": "Đã giải ngân 92,4% kế hoạch vốn; còn ba dự án chờ quyết toán. Đề nghị các xã gửi hồ sơ trong tuần.",
    "commune": "Còn hai hộ chưa nhận tiền đền bù do vướng nguồn gốc đất. Xã đề nghị Sở Xây dựng cử tổ công tác về xã.",
}
"""What the secretary wrote down of each turn."""


@dataclass(frozen=True)
class Turn:
    """When a site had the floor, in seconds after the opening."""

    site: str
    start: int
    end: int


@dataclass(frozen=True)
class Story:
    recording: str
    turns: tuple[Turn, ...]
    lines: tuple[tuple[datetime, AnyEvent], ...]


def tell(facts: Facts, opened: datetime) -> Story:
    """The log of a short meeting of four sites: chair, secretary, and two who speak."""
    chair, clerk, finance, commune = (site.id for site in facts.sites)
    first, second = (item.id for item in facts.agenda)
    before: list[tuple[float, AnyEvent]] = [(-600, MeetingPrepared(facts))]
    for number, site in enumerate(facts.sites):
        at = -240 + 20 * number
        before += [
            (at, SiteJoined(site.id, site.person, 1 if site.id == clerk else 4, listen_only=False)),
            (at + 1, NoticeAcknowledged(site.id, site.person)),
        ]
    # As the Room does: a recording is named by the meeting and the number of the event that begins it.
    recording = f"{facts.meeting}-{len(before) + 2}"
    turns = (Turn(finance, 4, 11), Turn(commune, 16, 24))
    meeting: list[tuple[float, AnyEvent]] = [
        (0, MeetingOpened(chair)),
        (RECORDED[0], RecordingStarted(recording, clerk)),
        (2, ItemStarted(first, chair)),
        (3, FloorAsked(finance)),
        (4, FloorGiven(finance, 300, chair)),
        (9, FloorAsked(commune)),
        (11, FloorEnded(finance, chair, "ended")),
        (13, ConclusionRecorded(
            f"{facts.meeting}-c1", first, "Hoàn thành hồ sơ quyết toán ba dự án", "Sở Tài chính", "UBND các xã",
            (opened + timedelta(days=14)).date().isoformat(), chair,
        )),
        (15, ItemEnded(first, chair)),
        (15, ItemStarted(second, chair)),
        (16, FloorGiven(commune, 300, chair)),
        (20, MarkSet(f"{facts.meeting}-m1", "Số hộ chưa nhận đền bù", clerk)),
        (24, FloorEnded(commune, commune, "yielded")),
        (26, ConclusionRecorded(
            f"{facts.meeting}-c2", second, "Cử tổ công tác giúp xã xác minh nguồn gốc đất của hai hộ", "Sở Xây dựng",
            "UBND xã Hương Sơn", (opened + timedelta(days=7)).date().isoformat(), chair,
        )),
        (28, ItemEnded(second, chair)),
        (RECORDED[1], RecordingStopped(recording, clerk)),
        (32, MeetingAdjourned(chair)),
        *((33, SiteLeft(site.id, "adjourned")) for site in facts.sites),
    ]  # fmt: skip
    lines = tuple((opened + timedelta(seconds=at), event) for at, event in (*before, *meeting))
    return Story(recording, turns, lines)
