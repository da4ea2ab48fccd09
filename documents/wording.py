"""Dates, hours and numbers in the words of Decree 30/2020/NĐ-CP (Annex I): what a paper says of time and count.

Wall-clock words are those of Vietnam, which has kept +07:00 without summer time since 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

_WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


def count(number: int) -> str:
    """A number that may not be forged by a digit before it: *04*, *38*."""
    return f"{number:02}"


def day(value: date) -> str:
    """*ngày 05 tháng 01 năm 2026*: days below 10 and the months 1 and 2 bear a 0 (Annex I, section II.4)."""
    month = f"{value.month:02}" if value.month <= 2 else str(value.month)
    return f"ngày {value.day:02} tháng {month} năm {value.year}"


def hour(at: datetime) -> str:
    """*08 giờ 00*. Raises ``ValueError`` when the moment bears no offset."""
    local = _local(at)
    return f"{local.hour:02} giờ {local.minute:02}"


def moment(at: datetime) -> str:
    """*08 giờ 00, ngày 25 tháng 11 năm 2026*."""
    return f"{hour(at)}, {day(_local(at).date())}"


def appointment(at: datetime) -> str:
    """As an invitation says it: *08 giờ 00, thứ Tư, ngày 25 tháng 11 năm 2026*."""
    local = _local(at)
    return f"{hour(at)}, {_WEEKDAYS[local.weekday()]}, {day(local.date())}"


def stretch(start: datetime, end: datetime) -> str:
    """*09 giờ 12 – 09 giờ 17*; within one minute only *09 giờ 12*."""
    first, last = hour(start), hour(end)
    return first if first == last else f"{first} – {last}"


def place_and_day(place: str, value: date) -> str:
    """*Hà Nội, ngày 05 tháng 01 năm 2026*, above the text on the right."""
    return f"{place}, {day(value)}" if place else day(value)


def listed(parts: Sequence[str]) -> str:
    """*a, b và c*."""
    return " và ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def document_number(number: int | None, kind: str, symbol: str) -> str:
    """*05/GM-VP*: below 10 a 0 before it; ``None`` leaves room for it (Annex I, section II.3)."""
    given = "      " if number is None else count(number)
    return f"{given}/{kind}-{symbol}" if symbol else f"{given}/{kind}"


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return at.astimezone(VIETNAM)
