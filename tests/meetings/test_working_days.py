from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from meetings.working_days import (
    SPECIAL_DAYS,
    VIETNAM,
    add_working_days,
    end_of_office,
    is_working,
    subtract_working_days,
)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2025, 1, 28), False),  # Tết
        (date(2025, 4, 26), True),  # a Saturday worked for 2 May
        (date(2025, 5, 2), False),
        (date(2026, 1, 2), False),
        (date(2026, 1, 10), True),
        (date(2026, 2, 16), False),
        (date(2026, 2, 23), True),
        (date(2026, 4, 27), False),  # in place of Sunday the 26th
        (date(2026, 8, 22), True),
        (date(2026, 8, 31), False),
        (date(2026, 9, 3), True),
        (date(2026, 11, 21), False),  # an ordinary Saturday
        (date(2026, 11, 23), True),
        (date(2033, 4, 30), False),  # beyond the table: weekends and fixed days are still known
        (date(2033, 9, 2), False),
        (date(2033, 9, 5), True),
    ],
)
def test_offices_work_by_the_calendar_of_the_state(day: date, works: bool) -> None:
    assert is_working(day) is works


def test_three_working_days_before_a_meeting_skip_the_weekend() -> None:
    assert subtract_working_days(date(2026, 11, 18), 3) == date(2026, 11, 13)


def test_deadlines_step_over_tet() -> None:
    assert subtract_working_days(date(2026, 2, 24), 3) == date(2026, 2, 12)
    assert add_working_days(date(2026, 2, 12), 3) == date(2026, 2, 24)


def test_a_worked_saturday_counts() -> None:
    assert subtract_working_days(date(2026, 8, 24), 1) == date(2026, 8, 22)
    assert add_working_days(date(2026, 8, 21), 1) == date(2026, 8, 22)


def test_where_a_day_is_not_yet_announced_both_directions_err_to_the_earlier_deadline() -> None:
    assert subtract_working_days(date(2026, 11, 25), 1) == date(2026, 11, 23)
    assert add_working_days(date(2026, 11, 23), 1) == date(2026, 11, 24)


def test_no_working_day_from_the_day_is_the_day_itself() -> None:
    assert subtract_working_days(date(2026, 11, 22), 0) == date(2026, 11, 22)


def test_what_is_due_on_a_day_is_due_at_five_in_vietnam() -> None:
    assert end_of_office(date(2026, 11, 20)) == datetime(2026, 11, 20, 10, tzinfo=VIETNAM) + timedelta(hours=7)
    assert end_of_office(date(2026, 11, 20)).isoformat() == "2026-11-20T17:00:00+07:00"


def test_the_table_is_in_order_and_names_no_day_twice() -> None:
    for earlier, later in pairwise(SPECIAL_DAYS):
        assert earlier.first <= earlier.last < later.first
    assert all(entry.first.weekday() == 5 for entry in SPECIAL_DAYS if entry.standing == "worked")
    assert {entry.first.year for entry in SPECIAL_DAYS} == {2025, 2026, 2027, 2028}
