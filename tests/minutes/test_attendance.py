"""Who was present from when to when, told by the log."""

from __future__ import annotations

import pytest
from minutes_story import (
    CHAIR,
    CLERK,
    FACTS,
    HUONG_SON,
    LIEN_HA,
    PRESS,
    Story,
    adjourned,
    clock,
    convened,
    joined,
)

from meetings.events import MeetingPrepared, SiteLeft
from minutes.attendance import Invited, lines, stays
from minutes.draft import Background, draft

ROLL = {
    "huongson": Invited("Chủ tịch", "Nguyễn Thị Hòa"),
    "lienha": Invited("Chủ tịch", "Lê Văn Cảnh", declined=True),
}


def attendance(story: Story, roll: dict[str, Invited] | None = None) -> tuple[str, ...]:
    return draft(adjourned(story).entries, Background(roll=ROLL if roll is None else roll)).attendance


def line(story: Story, site: str, roll: dict[str, Invited] | None = None) -> str:
    return next(said for said in attendance(story, roll) if site in said)


def test_a_site_that_sat_from_beginning_to_end_was_present_from_opening_to_adjournment():
    story = convened(CHAIR, CLERK)
    story.at("07:55", joined(HUONG_SON, people=5))
    assert line(story, "Hương Sơn") == (
        "UBND xã Hương Sơn: Chủ tịch Nguyễn Thị Hòa và 04 người; có mặt từ 08 giờ 00 đến 11 giờ 30"
    )


def test_a_late_joiner_is_present_from_when_it_came():
    story = convened(CHAIR)
    story.at("08:47", joined(HUONG_SON))
    assert line(story, "Hương Sơn").endswith("Chủ tịch Nguyễn Thị Hòa; có mặt từ 08 giờ 47 đến 11 giờ 30")


def test_a_site_that_left_and_came_back_has_a_span_for_each_stay():
    story = convened(CHAIR, HUONG_SON)
    story.at("09:00", SiteLeft("huongson", "lost"))
    story.at("09:20", joined(HUONG_SON))
    story.at("10:00", SiteLeft("huongson", "left"))
    story.at("10:30", joined(HUONG_SON))
    assert line(story, "Hương Sơn").endswith(
        "từ 08 giờ 00 đến 09 giờ 00, từ 09 giờ 20 đến 10 giờ 00 và từ 10 giờ 30 đến 11 giờ 30"
    )


def test_a_reload_of_the_page_is_not_an_absence():
    story = convened(CHAIR, HUONG_SON)
    story.at("09:00:10", SiteLeft("huongson", "left"))
    story.at("09:00:50", joined(HUONG_SON))
    assert line(story, "Hương Sơn").endswith("có mặt từ 08 giờ 00 đến 11 giờ 30")


def test_a_seat_taken_over_by_another_device_keeps_its_span_and_its_head_count():
    story = convened(CHAIR)
    story.at("08:10", joined(HUONG_SON, people=4))
    story.at("09:10", joined(HUONG_SON, people=1))
    assert line(story, "Hương Sơn").endswith("và 03 người; có mặt từ 08 giờ 10 đến 11 giờ 30")


def test_a_site_that_left_before_the_opening_was_absent():
    story = Story()
    story.at("07:40", MeetingPrepared(FACTS))
    story.at("07:45", joined(CHAIR), joined(LIEN_HA))
    story.at("07:50", SiteLeft("lienha", "left"))
    story.entries += [entry for entry in convened().entries if entry.event.__class__.__name__ == "MeetingOpened"]
    assert line(story, "Liên Hà") == ("Vắng mặt: UBND xã Liên Hà (người được mời: Chủ tịch Lê Văn Cảnh), có báo trước")


def test_the_absent_stand_apart_behind_the_present():
    said = attendance(convened(CHAIR, HUONG_SON))
    assert said[0] == "Có mặt 02/05 điểm cầu, 02 người"
    assert [text.split(":")[0] for text in said[1:]] == [
        "Điểm cầu chính", "UBND xã Hương Sơn", "Vắng mặt", "Vắng mặt", "Vắng mặt",
    ]  # fmt: skip
    assert "Vắng mặt: Văn phòng" in said


def test_a_substitute_is_named_with_the_one_replaced():
    roll = {"huongson": Invited("Chủ tịch", "Nguyễn Thị Hòa", substitute="Trần Văn Bình")}
    story = convened(CHAIR)
    story.at("08:00", joined(HUONG_SON, people=2, person="Phó Chủ tịch Trần Văn Bình"))
    said = attendance(story, roll)
    assert said[0].endswith("; 01 điểm cầu có người dự thay")
    assert said[2] == (
        "UBND xã Hương Sơn: Phó Chủ tịch Trần Văn Bình (dự thay Chủ tịch Nguyễn Thị Hòa) và 01 người; "
        "có mặt từ 08 giờ 00 đến 11 giờ 30"
    )


def test_the_invited_who_came_after_all_is_no_substitute():
    roll = {"huongson": Invited("Chủ tịch", "Nguyễn Thị Hòa", substitute="Trần Văn Bình")}
    said = attendance(convened(CHAIR, HUONG_SON), roll)
    assert "dự thay" not in "".join(said)


@pytest.mark.parametrize("typed", ["Nguyễn Thị Hòa", "nguyen thi hoa", "bà  NGUYỄN THỊ HÒA"])
def test_a_name_typed_in_a_hurry_is_still_the_invited(typed: str):
    story = convened(CHAIR)
    story.at("08:00", joined(HUONG_SON, person=typed))
    assert line(story, "Hương Sơn").startswith(f"UBND xã Hương Sơn: {typed}; có mặt")


def test_somebody_else_without_notice_stands_beside_the_name_of_the_invited():
    story = convened(CHAIR)
    story.at("08:00", joined(HUONG_SON, person="Trần Văn Bình"))
    assert "Trần Văn Bình (người được mời: Chủ tịch Nguyễn Thị Hòa); có mặt" in line(story, "Hương Sơn")


def test_two_who_speak_for_a_site_in_turn_are_both_named():
    story = convened(CHAIR, HUONG_SON)
    story.at("10:00", joined(HUONG_SON, person="Trần Văn Bình"))
    assert "Chủ tịch Nguyễn Thị Hòa, sau đó Trần Văn Bình; có mặt" in line(story, "Hương Sơn")


def test_an_observer_is_named_as_one():
    assert "Phạm Thu, dự thính; có mặt" in line(convened(CHAIR, PRESS), "Báo")


def test_a_site_struck_off_during_the_meeting_still_counts_as_having_been_there():
    story = convened(CHAIR, LIEN_HA)
    fewer = [site for site in FACTS.sites if site.id != "lienha"]
    story.at("09:00", MeetingPrepared(FACTS.__class__(**{**_fields(), "sites": tuple(fewer)})))
    story.at("09:00", SiteLeft("lienha", "left"))
    assert line(story, "Liên Hà").endswith("có mặt từ 08 giờ 00 đến 09 giờ 00")


def test_a_stay_that_nobody_ended_ends_with_the_meeting():
    story = convened(HUONG_SON)
    found = stays(story.entries, clock("08:00"), clock("09:00"))
    assert found["huongson"].spans == [(clock("08:00"), clock("09:00"))]
    assert len(lines((HUONG_SON,), found, {})) == 2


def _fields() -> dict[str, object]:
    return {name: getattr(FACTS, name) for name in FACTS.__struct_fields__}
