"""The first draft: what the log knows, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minutes_story import CHAIR, CLERK, FACTS, HUONG_SON, Story, adjourned, clock, convened, joined, whole_story

from meetings.errors import WrongMoment
from meetings.events import (
    AnyEvent,
    ConclusionRecorded,
    ConclusionWithdrawn,
    Entry,
    FloorEnded,
    FloorGiven,
    ItemEnded,
    ItemStarted,
    MarkRemoved,
    MarkSet,
    MeetingPrepared,
    SiteJoined,
    SiteLeft,
)
from meetings.facts import AgendaItem
from minutes.content import Content, Paragraph, Section, decode, encode, evidence, timed
from minutes.draft import Background, draft, ruling

BACKGROUND = Background(place="Phòng họp số 2")


def drafted(story: Story) -> Content:
    return draft(adjourned(story).entries, BACKGROUND)


def section(content: Content, heading: str) -> Section:
    return next(section for section in content.sections if heading in section.heading)


def texts(section: Section) -> list[str]:
    return [paragraph.text for paragraph in section.paragraphs]


def concluded(id: str, item: str | None, task: str) -> ConclusionRecorded:
    return ConclusionRecorded(id, item, task, "", "", None, by="chair")


def test_the_head_says_when_where_who():
    content = draft(whole_story().entries, BACKGROUND)
    assert content.title == "Họp giao ban UBND tỉnh tháng 11 năm 2026"
    assert content.began == "08 giờ 00, ngày 25 tháng 11 năm 2026"
    assert content.ended == "11 giờ 30, ngày 25 tháng 11 năm 2026"
    assert content.place == "Phòng họp số 2 và 02 điểm cầu trực tuyến"
    assert content.chair == "Phó Chủ tịch Vũ Đình Khải"
    assert content.secretary == "Hoàng Thị Nhàn"


def test_the_whole_meeting_in_the_order_in_which_it_went():
    content = draft(whole_story().entries, BACKGROUND)
    assert [(s.heading, s.started_at, s.ended_at) for s in content.sections] == [
        ("1. Kinh tế – xã hội tháng 11", "2026-11-25T08:05:00+07:00", "2026-11-25T08:52:00+07:00"),
        ("2. Tiến độ giải phóng mặt bằng quý IV", "2026-11-25T08:52:00+07:00", "2026-11-25T11:28:00+07:00"),
        ("3. Việc khác", None, None),
    ]
    assert texts(content.sections[0]) == ["Chủ trì kết luận: Các sở báo cáo số liệu quý IV."]
    assert texts(content.sections[1]) == [
        "UBND xã Hương Sơn phát biểu (09 giờ 12 – 09 giờ 17).",
        "Số liệu chi trả (09 giờ 14).",
        "Chủ trì kết luận: giao Sở Xây dựng chủ trì, UBND xã Hương Sơn phối hợp, rà soát giá đất 15 hộ, "
        "báo cáo trước ngày 05 tháng 12 năm 2026.",
    ]
    assert texts(content.sections[2]) == ["Nội dung này chưa được thảo luận tại cuộc họp."]


def test_the_same_log_gives_the_same_bytes():
    assert encode(draft(whole_story().entries, BACKGROUND)) == encode(draft(whole_story().entries, BACKGROUND))


def test_every_turn_has_its_paragraph_with_its_evidence():
    story = convened(CHAIR, HUONG_SON)
    story.at("08:05", ItemStarted("a1", by="chair"))
    first = story.at("08:10", FloorGiven("huongson", 300, by="chair"))
    second = story.at("08:15", FloorEnded("huongson", by="chair", reason="next"))
    third = story.at("08:15", FloorGiven("chair", 300, by="chair"))
    fourth = story.at("08:15:40", FloorEnded("chair", by="chair", reason="ended"))
    fifth = story.at("08:40", FloorGiven("huongson", 300, by="chair"))
    content = drafted(story)
    turns = section(content, "1.").paragraphs
    assert [(p.kind, p.text, p.evidence) for p in turns] == [
        ("turn", "UBND xã Hương Sơn phát biểu (08 giờ 10 – 08 giờ 15).", (first, second)),
        ("turn", "Điểm cầu chính phát biểu (08 giờ 15).", (third, fourth)),
        ("turn", "UBND xã Hương Sơn phát biểu (08 giờ 40 – 11 giờ 30).", (fifth,)),
    ]
    assert len({p.id for p in turns}) == 3
    assert evidence(content) == {first, second, third, fourth, fifth}


def test_a_turn_belongs_to_the_item_under_which_it_began():
    story = convened(CHAIR, HUONG_SON)
    story.at("08:05", ItemStarted("a1", by="chair"))
    story.at("08:50", FloorGiven("huongson", 300, by="chair"))
    story.at("08:52", ItemEnded("a1", by="chair"), ItemStarted("a2", by="chair"))
    story.at("08:55", FloorEnded("huongson", by="chair", reason="ended"))
    content = drafted(story)
    assert texts(section(content, "1.")) == ["UBND xã Hương Sơn phát biểu (08 giờ 50 – 08 giờ 55)."]
    assert texts(section(content, "2.")) == []


def test_a_replaced_conclusion_shows_its_last_text_at_the_moment_it_was_first_said():
    story = convened(CHAIR)
    story.at("08:05", ItemStarted("a1", by="chair"))
    first = story.at("08:30", concluded("c1", "a1", "Báo cáo trước tháng 12"))
    second = story.at("10:30", concluded("c1", "a1", "Báo cáo trong tháng 11"))
    (paragraph,) = section(drafted(story), "1.").paragraphs
    assert paragraph.text == "Chủ trì kết luận: Báo cáo trong tháng 11."
    assert paragraph.evidence == (first, second)
    assert paragraph.at == clock("08:30").isoformat()


def test_a_conclusion_moved_to_another_item_stands_there_alone():
    story = convened(CHAIR)
    story.at("08:05", ItemStarted("a1", by="chair"))
    story.at("08:30", concluded("c1", "a1", "Báo cáo"))
    story.at("08:31", concluded("c1", "a2", "Báo cáo"))
    content = drafted(story)
    assert texts(section(content, "1.")) == []
    assert texts(section(content, "2.")) == ["Chủ trì kết luận: Báo cáo."]


def test_withdrawn_conclusions_and_removed_marks_are_absent():
    story = convened(CHAIR)
    story.at("08:05", ItemStarted("a1", by="chair"))
    story.at("08:30", concluded("c1", "a1", "Báo cáo"), MarkSet("k1", "Chú ý", by="clerk"))
    story.at("08:31", ConclusionWithdrawn("c1", by="chair"), MarkRemoved("k1", by="clerk"))
    assert texts(section(drafted(story), "1.")) == []


def test_what_stood_outside_all_items_has_its_own_place():
    story = convened(CHAIR, HUONG_SON)
    story.at("08:01", FloorGiven("huongson", 60, by="chair"))
    story.at("08:02", FloorEnded("huongson", by="chair", reason="ended"))
    story.at("08:05", ItemStarted("a1", by="chair"), ItemEnded("a1", by="chair"))
    story.at("11:00", MarkSet("k1", "", by="clerk"))
    story.at("11:10", concluded("c1", None, "Văn phòng theo dõi việc thực hiện"))
    content = drafted(story)
    assert [s.heading for s in content.sections if s.item is None] == ["Mở đầu", "Nội dung khác", "Kết luận chung"]
    assert texts(content.sections[0]) == ["UBND xã Hương Sơn phát biểu (08 giờ 01 – 08 giờ 02)."]
    assert texts(content.sections[-2]) == ["Thư ký đánh dấu lúc 11 giờ 00."]
    assert texts(content.sections[-1]) == ["Chủ trì kết luận: Văn phòng theo dõi việc thực hiện."]


def test_an_item_taken_up_again_is_one_section_from_its_first_to_its_last_minute():
    story = convened(CHAIR)
    story.at("08:05", ItemStarted("a2", by="chair"))
    story.at("08:20", ItemEnded("a2", by="chair"), ItemStarted("a1", by="chair"))
    story.at("08:40", ItemEnded("a1", by="chair"), ItemStarted("a2", by="chair"))
    story.at("09:00", ItemEnded("a2", by="chair"))
    content = drafted(story)
    assert [s.item for s in content.sections] == ["a2", "a1", "a3"]
    assert (content.sections[0].started_at, content.sections[0].ended_at) == (
        clock("08:05").isoformat(), clock("09:00").isoformat(),
    )  # fmt: skip


def test_an_item_added_during_the_meeting_and_one_struck_off_keep_their_titles():
    story = convened(CHAIR)
    story.at("08:05", ItemStarted("a1", by="chair"), ItemEnded("a1", by="chair"))
    changed = msgspec.structs.replace(FACTS, agenda=(FACTS.agenda[1], AgendaItem("a9", 4, "Bổ sung", 5)))
    story.at("08:30", MeetingPrepared(changed))
    assert [s.heading for s in drafted(story).sections] == [
        "1. Kinh tế – xã hội tháng 11", "2. Tiến độ giải phóng mặt bằng quý IV", "4. Bổ sung",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("Báo cáo.", "", "", None), "Báo cáo."),
        (("Báo cáo;", "Sở Y tế", "", None), "giao Sở Y tế chủ trì, báo cáo."),
        (("Báo cáo", "", "Sở Y tế", None), "giao Sở Y tế phối hợp, báo cáo."),
        (("UBND xã báo cáo", "Sở Y tế", "", None), "giao Sở Y tế chủ trì, UBND xã báo cáo."),
        (("Hà Nội báo cáo", "Sở Y tế", "", None), "giao Sở Y tế chủ trì, Hà Nội báo cáo."),
        (("Báo cáo", "", "", "2027-01-02"), "Báo cáo trước ngày 02 tháng 01 năm 2027."),
        (("Báo cáo", "", "", "2026-13-45"), "Báo cáo trước 2026-13-45."),
    ],
)
def test_a_ruling_is_one_sentence(said: tuple[str, str, str, str | None], words: str):
    task, lead, cooperating, deadline = said
    event = ConclusionRecorded("c", None, task, lead, cooperating, deadline, by="chair")
    assert ruling(event) == f"Chủ trì kết luận: {words}"


def test_without_a_main_place_the_meeting_was_online():
    story = adjourned(convened(CHAIR, CLERK, HUONG_SON))
    assert draft(story.entries, Background()).place == "Họp trực tuyến, 02 điểm cầu trực tuyến"


def test_the_secretary_who_did_not_come_is_named_as_invited():
    assert drafted(convened(CHAIR)).secretary == "Hoàng Thị Nhàn"


def test_before_the_adjournment_there_is_nothing_to_draft():
    with pytest.raises(WrongMoment) as refused:
        draft(convened(CHAIR).entries, BACKGROUND)
    assert refused.value.code == "minutes_not_begun"


def test_places_in_the_film_follow_from_the_moments_and_are_never_kept():
    content = draft(whole_story().entries, BACKGROUND)
    shown = timed(content, lambda at: (at - clock("08:00")).total_seconds())
    assert section(shown, "2.").film == 52 * 60
    assert [p.film for p in section(shown, "2.").paragraphs] == [72 * 60, 74 * 60, 120 * 60]
    assert section(shown, "3.").film is None
    assert decode(encode(shown)) == content


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-11-25T08:00:00", "2026-11-25"])
def test_a_paragraph_without_a_proper_moment_is_not_in_the_film(at: str | None):
    paragraph = Paragraph("x", "text", "", (), at)
    content = msgspec.structs.replace(
        draft(whole_story().entries, BACKGROUND),
        sections=(Section(None, "", at, None, None, (paragraph,)),),
    )
    assert timed(content, lambda _: 1.0).sections[0].paragraphs[0].film is None


def test_a_big_meeting_is_drafted_in_a_moment():
    story = convened(CHAIR, CLERK)
    story.at("08:05", ItemStarted("a1", by="chair"))
    for turn in range(500):
        story.at("08:30", FloorGiven("chair", 60, by="chair"), FloorEnded("chair", by="chair", reason="ended"))
        story.at("09:00", joined(HUONG_SON, people=turn + 1))
    content = drafted(story)
    assert len(section(content, "1.").paragraphs) == 500
    assert "và 499 người" in "".join(content.attendance)


SITES = st.sampled_from([site.id for site in FACTS.sites])
ITEMS = st.sampled_from(["a1", "a2", "a3"])
IDS = st.sampled_from(["x", "y", "z"])
TEXTS = st.text(max_size=200)
EVENTS = st.one_of(
    st.builds(SiteJoined, SITES, TEXTS, st.integers(1, 9), st.booleans()),
    st.builds(SiteLeft, SITES, st.sampled_from(["left", "lost"])),
    st.builds(ItemStarted, ITEMS, SITES),
    st.builds(ItemEnded, ITEMS, SITES),
    st.builds(FloorGiven, SITES, st.integers(10, 7200), SITES),
    st.builds(FloorEnded, SITES, SITES, st.just("ended")),
    st.builds(ConclusionRecorded, IDS, st.none() | ITEMS, TEXTS, TEXTS, TEXTS, st.none() | TEXTS, SITES),
    st.builds(ConclusionWithdrawn, IDS, SITES),
    st.builds(MarkSet, IDS, TEXTS, SITES),
    st.builds(MarkRemoved, IDS, SITES),
)


@given(st.lists(st.tuples(st.integers(0, 90), EVENTS), max_size=60))
@settings(max_examples=150, deadline=None)
def test_whatever_happened_there_is_a_draft_that_can_be_kept_and_rests_on_the_log(happened: list[tuple[int, AnyEvent]]):
    story = convened(CHAIR)
    now = clock("08:00")
    for seconds, event in happened:
        now += timedelta(seconds=seconds)
        story.entries.append(Entry(len(story.entries) + 1, now, event))
    content = drafted(story)
    assert decode(encode(content)) == content
    assert evidence(content) <= set(range(1, len(story.entries) + 1))
    ids = [p.id for s in content.sections for p in s.paragraphs]
    assert len(ids) == len(set(ids))
    turns = [p for s in content.sections for p in s.paragraphs if p.kind == "turn"]
    assert len(turns) == sum(isinstance(event, FloorGiven) for _, event in happened)
