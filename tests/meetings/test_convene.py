from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from meetings.access import Role
from meetings.convene import (
    Draft,
    Seat,
    answer_due,
    check_answer,
    check_classification,
    check_complete,
    check_editable,
    check_times,
    deadline,
    minutes_due,
    missing,
    too_long,
)
from meetings.errors import Invalid, Refused, WrongMoment
from meetings.meeting import Classification, Kind, Regime, State
from meetings.working_days import VIETNAM


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=VIETNAM)


NOW = at(9, 9)
COMPLETE = Draft(
    title="Họp giao ban UBND tỉnh tháng 11",
    unit="hà nam ninh",
    starts_at=at(18, 8),
    ends_at=at(18, 11, 30),
    regime=Regime.DECISION_45,
    kind=Kind.BRIEFING,
    urgent=False,
    place="Phòng họp số 2",
    request="Chuẩn bị báo cáo",
    contact="Hoàng Thị Nhàn, 0226 000 000",
    signer_name="Đỗ Minh Thuận",
    agenda=["Giải phóng mặt bằng"],
    sites=[
        Seat(Role.CHAIR, "UBND tỉnh", "khai@hanamninh.example"),
        Seat(Role.SECRETARY, "Văn phòng", "nhan@hanamninh.example"),
        Seat(Role.DELEGATE, "UBND xã Hương Sơn", "huongson@hanamninh.example"),
    ],
)


def lacks(draft: Draft, now: datetime = NOW) -> set[str]:
    return {lack.what for lack in missing(draft, now)}


def test_a_complete_invitation_lacks_nothing() -> None:
    assert missing(COMPLETE, NOW) == ()
    check_complete(COMPLETE, NOW)


@pytest.mark.parametrize(
    ("draft", "what", "section", "blocks"),
    [
        (replace(COMPLETE, title=""), "title", "info", True),
        (replace(COMPLETE, unit=None), "unit", "info", True),
        (replace(COMPLETE, starts_at=None), "time", "info", True),
        (replace(COMPLETE, ends_at=None), "time", "info", True),
        (replace(COMPLETE, ends_at=at(18, 14)), "too_long", "info", False),
        (replace(COMPLETE, place=""), "place", "info", True),
        (replace(COMPLETE, contact=""), "contact", "info", True),
        (replace(COMPLETE, request=""), "request", "info", False),
        (replace(COMPLETE, signer_name=""), "signer", "info", True),
        (replace(COMPLETE, sites=COMPLETE.sites[1:]), "chair", "sites", True),
        (replace(COMPLETE, sites=[COMPLETE.sites[0], *COMPLETE.sites]), "chairs", "sites", True),
        (replace(COMPLETE, sites=[COMPLETE.sites[0], COMPLETE.sites[2]]), "secretary", "sites", False),
        (replace(COMPLETE, sites=[*COMPLETE.sites, Seat(Role.OBSERVER, "Báo", "")]), "site_email", "sites", False),
        (replace(COMPLETE, sites=[*COMPLETE.sites, Seat(Role.OBSERVER, "", "b@b")]), "site_name", "sites", True),
        (replace(COMPLETE, agenda=[]), "agenda", "agenda", True),
        (replace(COMPLETE, agenda=["Một", ""]), "item_title", "agenda", True),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_place(draft: Draft, what: str, section: str, blocks: bool) -> None:
    assert [(m.what, m.section, m.blocks) for m in missing(draft, NOW)] == [(what, section, blocks)]
    if blocks:
        with pytest.raises(Refused) as refused:
            check_complete(draft, NOW)
        assert (refused.value.code, refused.value.facts) == ("invitation_incomplete", {"what": what, "count": 1})
    else:
        check_complete(draft, NOW)


def test_a_chair_alone_is_no_meeting() -> None:
    assert "sites" in lacks(replace(COMPLETE, sites=COMPLETE.sites[:1]))


def test_a_meeting_that_is_over_cannot_be_invited_to() -> None:
    assert lacks(COMPLETE, at(18, 11, 30)) == {"time_past"}
    assert lacks(COMPLETE, at(18, 9)) == set()


def test_the_invitation_goes_out_three_working_days_before() -> None:
    assert deadline(Regime.DECISION_45, at(18, 8), urgent=False) == at(13, 17)
    assert deadline(Regime.PEOPLES_COMMITTEE, at(16, 14), urgent=False) == at(11, 17)


def test_the_day_of_the_meeting_is_the_day_in_vietnam() -> None:
    late_in_utc = at(18, 1).astimezone(tz=None)
    assert deadline(Regime.DECISION_45, late_in_utc, urgent=False) == at(13, 17)


def test_sessions_of_the_government_have_three_days() -> None:
    assert deadline(Regime.GOVERNMENT, at(16, 8), urgent=False) == at(13, 17)


def test_urgent_meetings_and_other_meetings_have_no_deadline() -> None:
    assert deadline(Regime.DECISION_45, at(18, 8), urgent=True) is None
    assert deadline(Regime.OTHER, at(18, 8), urgent=False) is None
    assert deadline(Regime.DECISION_45, None, urgent=False) is None


def test_a_deadline_that_has_passed_warns_and_does_not_block() -> None:
    assert lacks(COMPLETE, at(13, 17)) == set()
    late = missing(COMPLETE, at(13, 17, 1))
    assert [(m.what, m.blocks) for m in late] == [("deadline_passed", False)]
    assert lacks(replace(COMPLETE, urgent=True), at(13, 17, 1)) == set()


@pytest.mark.parametrize(
    ("kind", "start", "end", "over"),
    [
        (Kind.BRIEFING, at(18, 7, 30), at(18, 11, 30), False),
        (Kind.BRIEFING, at(18, 7, 30), at(18, 11, 31), True),
        (Kind.REVIEW, at(18, 8), at(18, 17), False),
        (Kind.REVIEW, at(18, 8), at(19, 11), True),
        (Kind.REVIEW, at(18, 8), at(19, 0), False),
        (Kind.TRAINING, at(18, 8), at(19, 17), False),
        (Kind.TRAINING, at(18, 8), at(20, 9), True),
    ],
)
def test_each_kind_has_its_longest_duration(kind: Kind, start: datetime, end: datetime, over: bool) -> None:
    assert too_long(kind, start, end) is over


def test_the_caps_bind_meetings_of_the_decision_alone() -> None:
    day = replace(COMPLETE, ends_at=at(18, 17))
    assert lacks(day) == {"too_long"}
    assert lacks(replace(day, regime=Regime.PEOPLES_COMMITTEE)) == set()


@pytest.mark.parametrize("above", [Classification.CONFIDENTIAL, Classification.SECRET, Classification.TOP_SECRET])
def test_state_secrets_are_refused(above: Classification) -> None:
    with pytest.raises(Refused, match="classification_refused"):
        check_classification(above)
    check_classification(Classification.ORDINARY)


def test_a_meeting_ends_after_it_begins() -> None:
    with pytest.raises(Invalid, match="ends_before_start"):
        check_times(at(18, 8), at(18, 8))
    check_times(at(18, 8), at(18, 8, 1))
    check_times(None, at(18, 8))


def test_the_form_is_closed_once_the_meeting_has_begun() -> None:
    for state in (State.DRAFT, State.INVITED):
        check_editable(state)
    for state in (State.LIVE, State.ADJOURNED, State.APPROVED, State.CANCELLED):
        with pytest.raises(WrongMoment, match="meeting_not_editable"):
            check_editable(state)


def test_a_substitute_has_a_name_and_answers_are_taken_only_while_somebody_waits() -> None:
    check_answer(State.INVITED, "substitute", "Lê Văn Tám")
    with pytest.raises(Invalid, match="substitute_name_needed"):
        check_answer(State.INVITED, "substitute", "  ")
    for state in (State.DRAFT, State.ADJOURNED, State.CANCELLED):
        with pytest.raises(WrongMoment, match="not_answerable"):
            check_answer(state, "accepted", "")


def test_answers_are_due_on_the_working_day_before_and_at_the_latest_at_the_beginning() -> None:
    assert answer_due(at(16, 8), NOW) == at(13, 17)
    assert answer_due(at(16, 8), at(15, 8)) == at(16, 8)


def test_conclusions_go_out_within_five_working_days() -> None:
    assert minutes_due(at(13, 11, 30)) == at(20, 17)
    assert minutes_due(at(13, 11, 30)) - at(13, 11, 30) < timedelta(days=8)
