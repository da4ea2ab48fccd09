from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meetings.access import Role
from meetings.events import (
    AnyEvent,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MeetingPrepared,
    RecordingStarted,
    RecordingStopped,
    ShareEnded,
    ShareStarted,
    SiteJoined,
    SiteLeft,
)
from meetings.facts import AgendaItem, Facts, Site
from recordings.journal import Pair
from recordings.mediatime import MediaClock
from recordings.program import Footage, Programme, Shot, programme
from store.chain import microseconds

START = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
LENGTH = 60_000
FACTS = Facts(
    meeting="m1",
    title="Họp giao ban tháng 11",
    starts_at="",
    ends_at="",
    body="UBND tỉnh",
    agenda=(AgendaItem("i1", 1, "Kinh tế – xã hội", 10), AgendaItem("i2", 2, "Giải phóng mặt bằng", 10)),
    sites=(
        Site("chair", "", "UBND tỉnh", "Chủ tịch Trần Văn Đức", Role.CHAIR),
        Site("son", "", "Xã Hương Sơn", "Nguyễn Thị Hòa", Role.DELEGATE),
        Site("build", "", "Sở Xây dựng", "Đặng Quốc Bảo", Role.DELEGATE),
    ),
)
RUNNING = tuple(Footage(f"{site}.mkv", site, "camera", 0, LENGTH) for site in ("chair", "son", "build"))


def tell(*events: tuple[float, AnyEvent], footage: tuple[Footage, ...] = RUNNING, length: int = LENGTH) -> Programme:
    """The programme when these events happened so many seconds after the recording began."""
    told: list[tuple[float, AnyEvent]] = [
        (-30, MeetingPrepared(FACTS)),
        *(event for event in events if event[0] < 0),
        (0, RecordingStarted("m1-2", "chair")),
        *(event for event in events if event[0] >= 0),
    ]
    entries = [Entry(seq, START + timedelta(seconds=at), event) for seq, (at, event) in enumerate(told, 1)]
    zero = microseconds(START)
    clock = MediaClock([Pair(zero + second * 1_000_000, second * 1_000) for second in range(length // 1_000 + 1)])
    return programme(entries, "m1-2", clock, footage, length)


def shown(made: Programme) -> list[tuple[int, int, str | None, str]]:
    return [(shot.start, shot.end, shot.file, shot.plate.site if shot.plate else "") for shot in made.shots]


def test_when_nobody_speaks_the_chair_is_seen() -> None:
    assert shown(tell()) == [(0, LENGTH, "chair.mkv", "UBND tỉnh")]


def test_who_has_the_floor_is_seen_while_the_turn_lasts() -> None:
    made = tell((10, FloorGiven("son", 60, "chair")), (25, FloorEnded("son", "son", "yielded")))
    assert shown(made) == [
        (0, 10_000, "chair.mkv", "UBND tỉnh"),
        (10_000, 25_000, "son.mkv", "Xã Hương Sơn"),
        (25_000, LENGTH, "chair.mkv", "UBND tỉnh"),
    ]


def test_a_shared_screen_stands_before_the_floor() -> None:
    screen = Footage("screen.mkv", "build", "screen", 12_300, 30_000)
    made = tell(
        (10, FloorGiven("son", 60, "chair")),
        (12, ShareStarted("build")),
        (30, ShareEnded("build", "build")),
        footage=(*RUNNING, screen),
    )
    assert shown(made)[1:3] == [
        (10_000, 12_320, "son.mkv", "Xã Hương Sơn"),
        (12_320, 30_000, "screen.mkv", "Sở Xây dựng"),
    ]
    assert made.shots[2].plate is not None
    assert made.shots[2].plate.shares
    assert shown(made)[3][2] == "son.mkv"


def test_the_plate_bears_who_speaks_for_the_site_today() -> None:
    made = tell((-5, SiteJoined("chair", "Phó Chủ tịch Lê Thị Mai", 3, False)))
    assert [shot.plate.person for shot in made.shots if shot.plate] == ["Phó Chủ tịch Lê Thị Mai"]


def test_what_happened_before_the_recording_holds_from_its_first_frame() -> None:
    made = tell((-5, FloorGiven("son", 60, "chair")), (-4, ItemStarted("i1", "chair")))
    assert shown(made) == [(0, LENGTH, "son.mkv", "Xã Hương Sơn")]
    assert [(c.number, c.start, c.end) for c in made.chapters] == [(1, 0, LENGTH)]


def test_a_site_that_left_is_no_longer_on_the_stage() -> None:
    made = tell((10, FloorGiven("son", 60, "chair")), (20, SiteLeft("son", "lost")))
    assert shown(made)[2] == (20_000, LENGTH, "chair.mkv", "UBND tỉnh")


def test_a_gap_is_a_card_that_names_who_would_be_seen() -> None:
    halves = (Footage("a.mkv", "chair", "camera", 0, 20_000), Footage("b.mkv", "chair", "camera", 21_900, LENGTH))
    made = tell(footage=halves)
    assert shown(made) == [
        (0, 20_000, "a.mkv", "UBND tỉnh"),
        (20_000, 21_920, None, "UBND tỉnh"),
        (21_920, LENGTH, "b.mkv", "UBND tỉnh"),
    ]


def test_a_gap_of_less_than_half_a_second_is_bridged_by_the_picture_before() -> None:
    halves = (Footage("a.mkv", "chair", "camera", 0, 20_000), Footage("b.mkv", "chair", "camera", 20_400, LENGTH))
    assert [shot[2] for shot in shown(tell(footage=halves))] == ["a.mkv", "b.mkv"]


def test_where_files_overlap_the_later_one_takes_over_where_it_begins() -> None:
    halves = (Footage("a.mkv", "chair", "camera", 0, 20_000), Footage("b.mkv", "chair", "camera", 19_000, LENGTH))
    assert shown(tell(footage=halves))[0] == (0, 19_000, "a.mkv", "UBND tỉnh")


def test_a_camera_that_is_off_is_a_card_and_one_that_starts_late_is_awaited() -> None:
    late = (RUNNING[0], Footage("son.mkv", "son", "camera", 11_000, 20_000))
    made = tell((10, FloorGiven("son", 60, "chair")), footage=late)
    assert shown(made) == [
        (0, 11_000, "chair.mkv", "UBND tỉnh"),
        (11_000, 20_000, "son.mkv", "Xã Hương Sơn"),
        (20_000, LENGTH, None, "Xã Hương Sơn"),
    ]


def test_a_recording_without_any_media_is_one_card() -> None:
    assert shown(tell(footage=())) == [(0, LENGTH, None, "UBND tỉnh")]


def test_the_shots_fill_the_film_without_a_space_in_whole_frames() -> None:
    made = tell(
        (9.987, FloorGiven("son", 60, "chair")),
        (10.003, FloorEnded("son", "chair", "next")),
        (10.003, FloorGiven("build", 60, "chair")),
        (33.333, FloorEnded("build", "chair", "ended")),
        length=59_990,
    )
    edges = [(shot.start, shot.end) for shot in made.shots]
    assert edges[0][0] == 0
    assert edges[-1][1] == 60_000
    assert all(edge % 40 == 0 for shot in edges for edge in shot)
    assert [before[1] for before in edges[:-1]] == [after[0] for after in edges[1:]]


def test_chapters_are_the_agenda_items_while_they_lasted() -> None:
    made = tell(
        (2.5, ItemStarted("i1", "chair")),
        (20, ItemEnded("i1", "chair")),
        (20, ItemStarted("i2", "chair")),
        (40, ItemEnded("i2", "chair")),
        (50, ItemStarted("i1", "chair")),
        (59.9, RecordingStopped("m1-2", "chair")),
    )
    assert [(c.item, c.title, c.start, c.end) for c in made.chapters] == [
        ("i1", "Kinh tế – xã hội", 2_500, 20_000),
        ("i2", "Giải phóng mặt bằng", 20_000, 40_000),
        ("i1", "Kinh tế – xã hội", 50_000, LENGTH),
    ]


def test_a_jump_of_utc_in_the_meeting_moves_no_chapter() -> None:
    told: list[tuple[float, AnyEvent]] = [
        (-30, MeetingPrepared(FACTS)),
        (0, RecordingStarted("m1-2", "chair")),
        (10, ItemStarted("i1", "chair")),
        (30 - 3600, ItemEnded("i1", "chair")),
        (31 - 3600, ItemStarted("i2", "chair")),
    ]
    entries = [Entry(seq, START + timedelta(seconds=at), event) for seq, (at, event) in enumerate(told, 1)]
    zero = microseconds(START)
    pairs = [Pair(zero + (s - (3600 if s > 20 else 0)) * 1_000_000, s * 1_000) for s in range(61)]
    made = programme(entries, "m1-2", MediaClock(pairs), RUNNING, LENGTH)
    assert [(c.number, c.start, c.end) for c in made.chapters] == [(1, 10_000, 30_000), (2, 31_000, LENGTH)]


def test_the_second_recording_of_a_meeting_has_its_own_zero() -> None:
    told: list[tuple[float, AnyEvent]] = [
        (0, MeetingPrepared(FACTS)),
        (1, RecordingStarted("m1-2", "chair")),
        (5, ItemStarted("i1", "chair")),
        (9, RecordingStopped("m1-2", "chair")),
        (100, RecordingStarted("m1-5", "chair")),
        (110, ItemStarted("i2", "chair")),
    ]
    entries = [Entry(seq, START + timedelta(seconds=at), event) for seq, (at, event) in enumerate(told, 1)]
    zero = microseconds(START + timedelta(seconds=100))
    clock = MediaClock([Pair(zero + s * 1_000_000, s * 1_000) for s in range(61)])
    made = programme(entries, "m1-5", clock, RUNNING, LENGTH)
    assert [(c.number, c.start, c.end) for c in made.chapters] == [(1, 0, 10_000), (2, 10_000, LENGTH)]
    assert isinstance(made.shots[0], Shot)
