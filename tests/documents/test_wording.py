"""The words of Decree 30/2020/NĐ-CP for dates, hours and numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from documents.wording import (
    appointment,
    count,
    day,
    document_number,
    hour,
    listed,
    moment,
    place_and_day,
    stretch,
)

MORNING = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (date(2026, 1, 5), "ngày 05 tháng 01 năm 2026"),
        (date(2026, 2, 10), "ngày 10 tháng 02 năm 2026"),
        (date(2026, 3, 9), "ngày 09 tháng 3 năm 2026"),
        (date(2026, 9, 2), "ngày 02 tháng 9 năm 2026"),
        (date(2026, 12, 31), "ngày 31 tháng 12 năm 2026"),
    ],
)
def test_days_below_ten_and_the_first_two_months_bear_a_zero(value: date, words: str):
    assert day(value) == words


def test_a_moment_is_said_in_the_time_of_vietnam():
    assert moment(MORNING) == "08 giờ 00, ngày 25 tháng 11 năm 2026"
    assert moment(datetime(2026, 12, 31, 17, 5, tzinfo=UTC)) == "00 giờ 05, ngày 01 tháng 01 năm 2027"
    assert hour(MORNING) == "08 giờ 00"
    assert appointment(MORNING) == "08 giờ 00, thứ Tư, ngày 25 tháng 11 năm 2026"
    assert appointment(datetime(2026, 11, 29, 1, 30, tzinfo=UTC)).startswith("08 giờ 30, Chủ nhật, ngày 29")


def test_a_moment_without_an_offset_says_nothing():
    with pytest.raises(ValueError, match="offset"):
        hour(datetime(2026, 11, 25, 8, 0))


def test_a_stretch_within_a_minute_is_one_moment():
    assert stretch(MORNING, MORNING.replace(minute=12)) == "08 giờ 00 – 08 giờ 12"
    assert stretch(MORNING, MORNING.replace(second=40)) == "08 giờ 00"


@pytest.mark.parametrize(
    ("parts", "words"), [((), ""), (("a",), "a"), (("a", "b"), "a và b"), (("a", "b", "c"), "a, b và c")]
)
def test_a_list_ends_with_and(parts: tuple[str, ...], words: str):
    assert listed(parts) == words


@pytest.mark.parametrize(
    ("number", "kind", "symbol", "written"),
    [
        (5, "GM", "VPCP", "05/GM-VPCP"),
        (123, "BB", "VP", "123/BB-VP"),
        (1, "BB", "", "01/BB"),
        (None, "BB", "VP", "      /BB-VP"),
    ],
)
def test_document_numbers(number: int | None, kind: str, symbol: str, written: str):
    assert document_number(number, kind, symbol) == written


def test_counts_and_places():
    assert (count(4), count(38), count(0)) == ("04", "38", "00")
    assert place_and_day("Hà Nội", date(2026, 1, 5)) == "Hà Nội, ngày 05 tháng 01 năm 2026"
    assert place_and_day("", date(2026, 1, 5)) == "ngày 05 tháng 01 năm 2026"
