"""The working calendar of Vietnamese state bodies, as data, and counting by it.

Days off follow the Labour Code 2019, Art. 111(3) and 112; the government announces Tết, the second day of National
Day and exchanged days year by year. ``SPECIAL_DAYS`` is the one table: renew it when a year is announced. A day not
yet announced is marked ``expected``; counting then errs towards the earlier deadline, which is always lawful.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Literal

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Fixed: Vietnam has no summer time."""

Standing = Literal["off", "worked", "expected_off"]


@dataclass(frozen=True)
class SpecialDays:
    """Days from ``first`` to ``last`` that differ from the ordinary week. ``worked``: a Saturday given in exchange."""

    first: date
    last: date
    standing: Standing
    why: str


def _days(first: tuple[int, int, int], days: int, standing: Standing, why: str) -> SpecialDays:
    start = date(*first)
    return SpecialDays(start, start + timedelta(days=days - 1), standing, why)


SPECIAL_DAYS: tuple[SpecialDays, ...] = (
    _days((2025, 1, 1), 1, "off", "Tết Dương lịch"),
    _days((2025, 1, 25), 9, "off", "Tết Nguyên đán Ất Tỵ"),
    _days((2025, 4, 7), 1, "off", "Giỗ Tổ Hùng Vương"),
    _days((2025, 4, 26), 1, "worked", "làm bù cho 02/5/2025"),
    _days((2025, 4, 30), 5, "off", "Ngày Chiến thắng, Quốc tế Lao động, nghỉ hoán đổi 02/5"),
    _days((2025, 8, 30), 4, "off", "Quốc khánh"),
    _days((2026, 1, 1), 4, "off", "Tết Dương lịch, nghỉ hoán đổi 02/01"),
    _days((2026, 1, 10), 1, "worked", "làm bù cho 02/01/2026"),
    _days((2026, 2, 14), 9, "off", "Tết Nguyên đán Bính Ngọ"),
    _days((2026, 4, 25), 3, "off", "Giỗ Tổ Hùng Vương (Chủ nhật 26/4), nghỉ bù 27/4"),
    _days((2026, 4, 30), 2, "off", "Ngày Chiến thắng, Quốc tế Lao động"),
    _days((2026, 8, 22), 1, "worked", "làm bù cho 31/8/2026"),
    _days((2026, 8, 29), 5, "off", "Quốc khánh, nghỉ hoán đổi 31/8"),
    # Chosen by Resolution 80-NQ/TW of 7 January 2026; Art. 112 was still to be amended when this table was made.
    _days((2026, 11, 24), 1, "expected_off", "Ngày Văn hóa Việt Nam"),
    _days((2027, 1, 1), 1, "off", "Tết Dương lịch"),
    _days((2027, 2, 5), 7, "expected_off", "Tết Nguyên đán Đinh Mùi (mùng Một 06/02)"),
    _days((2027, 4, 16), 1, "off", "Giỗ Tổ Hùng Vương"),
    _days((2027, 4, 30), 4, "off", "Ngày Chiến thắng, Quốc tế Lao động (thứ Bảy), nghỉ bù 03/5"),
    _days((2027, 9, 2), 1, "off", "Quốc khánh"),
    _days((2027, 9, 3), 1, "expected_off", "Quốc khánh, ngày liền kề"),
    _days((2027, 11, 24), 1, "expected_off", "Ngày Văn hóa Việt Nam"),
    _days((2028, 1, 1), 3, "off", "Tết Dương lịch (thứ Bảy), nghỉ bù 03/01"),
    _days((2028, 1, 24), 8, "expected_off", "Tết Nguyên đán Mậu Thân (mùng Một 26/01)"),
    _days((2028, 4, 4), 1, "off", "Giỗ Tổ Hùng Vương"),
    _days((2028, 4, 30), 3, "off", "Ngày Chiến thắng (Chủ nhật), Quốc tế Lao động, nghỉ bù 02/5"),
    _days((2028, 9, 1), 1, "expected_off", "Quốc khánh, ngày liền kề"),
    _days((2028, 9, 2), 3, "off", "Quốc khánh (thứ Bảy), nghỉ bù 04/9"),
    _days((2028, 11, 24), 1, "expected_off", "Ngày Văn hóa Việt Nam"),
)

_SPECIAL: Mapping[date, Standing] = {
    entry.first + timedelta(days=offset): entry.standing
    for entry in SPECIAL_DAYS
    for offset in range((entry.last - entry.first).days + 1)
}
_YEARS = {entry.first.year for entry in SPECIAL_DAYS}
_EVERY_YEAR = {(1, 1), (4, 30), (5, 1), (9, 2)}


def is_working(day: date, *, expected_off: bool = True) -> bool:
    """Whether offices work on the day. ``expected_off`` says how a day counts that is not yet announced.

    Outside the years of the table only weekends and the fixed public holidays are known.
    """
    match _SPECIAL.get(day):
        case "off":
            return False
        case "worked":
            return True
        case "expected_off" if expected_off:
            return False
        case _:
            fixed = day.year not in _YEARS and (day.month, day.day) in _EVERY_YEAR
            return day.weekday() < 5 and not fixed


def subtract_working_days(day: date, days: int) -> date:
    """The working day that lies ``days`` working days before ``day``, which itself does not count."""
    return _step(day, days, -1, expected_off=True)


def add_working_days(day: date, days: int) -> date:
    """The working day that lies ``days`` working days after ``day``, which itself does not count."""
    return _step(day, days, 1, expected_off=False)


def end_of_office(day: date) -> datetime:
    """17:00 of the day in Vietnam: what is due on a day is due then."""
    return datetime(day.year, day.month, day.day, 17, tzinfo=VIETNAM)


def _step(day: date, days: int, direction: Literal[1, -1], *, expected_off: bool) -> date:
    while days > 0:
        day += timedelta(days=direction)
        days -= is_working(day, expected_off=expected_off)
    return day
