"""Two provinces that do not exist, their units, and who works there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from meetings.tables import Person, Unit
from web.deps import Deps

MERGED = date(2025, 7, 1)
"""Since when provinces and communes are as they are."""


@dataclass(frozen=True)
class Known:
    """A person of the demo. ``unit_name`` is what its plate shows."""

    id: str
    unit: str
    unit_name: str
    name: str
    title: str
    email: str


People = Mapping[str, Known]

_TREE: tuple[tuple[str, str, str, str, tuple[tuple[str, str, str], ...]], ...] = (
    ("hnn", "", "UBND tỉnh Hà Nam Ninh", "UBND", (("khai", "Vũ Đình Khải", "Phó Chủ tịch"),)),
    ("hnn-vp", "hnn", "Văn phòng UBND tỉnh Hà Nam Ninh", "VP",
     (("nhan", "Hoàng Thị Nhàn", "Chuyên viên"), ("thuan", "Đỗ Minh Thuận", "Phó Chánh Văn phòng"))),
    ("hnn-tc", "hnn", "Sở Tài chính tỉnh Hà Nam Ninh", "STC", (("duc", "Phạm Hữu Đức", "Giám đốc"),)),
    ("hnn-xd", "hnn", "Sở Xây dựng tỉnh Hà Nam Ninh", "SXD", (("lam", "Trần Quang Lâm", "Giám đốc"),)),
    ("hnn-hs", "hnn", "UBND xã Hương Sơn", "UBND", (("hoa", "Nguyễn Thị Hòa", "Chủ tịch"),)),
    ("hnn-tl", "hnn", "UBND xã Trà Linh", "UBND", (("tam", "Lê Văn Tám", "Chủ tịch"),)),
    ("hnn-tp", "hnn", "UBND phường Trần Phú", "UBND", (("bao", "Trần Văn Bảo", "Chủ tịch"),)),
    ("hsb", "", "UBND tỉnh Hải Sơn Bình", "UBND", (("yen", "Đặng Hải Yến", "Chủ tịch"),)),
    ("hsb-vp", "hsb", "Văn phòng UBND tỉnh Hải Sơn Bình", "VP", (("minh", "Bùi Đức Minh", "Chánh Văn phòng"),)),
    ("hsb-nn", "hsb", "Sở Nông nghiệp và Môi trường Hải Sơn Bình", "SNNMT", (("son", "Ngô Thái Sơn", "Giám đốc"),)),
    ("hsb-vd", "hsb", "UBND xã Vân Đài", "UBND", (("lien", "Vi Thị Liên", "Chủ tịch"),)),
    ("hsb-dt", "hsb", "UBND đặc khu Đảo Trầm", "UBND", (("hai", "Hồ Văn Hải", "Chủ tịch"),)),
)  # fmt: skip
"""Key, key of the parent, name, symbol in document numbers, people (key, name, position)."""

_PLACES = {"hnn": "Hà Nam Ninh", "hsb": "Hải Sơn Bình"}


async def settle(deps: Deps) -> People:
    """Writes units and people; answers the people by their keys."""
    known: dict[str, Known] = {}
    async with deps.database.begin() as session:
        units: dict[str, Unit] = {}
        for key, parent, name, symbol, people in _TREE:
            province = key.partition("-")[0]
            unit = Unit(
                parent_id=units[parent].id if parent else None,
                name=name,
                symbol=symbol,
                place=_PLACES[province],
                email=f"{key}@{province}.example",
                effective_from=MERGED,
            )
            session.add(unit)
            await session.flush()
            units[key] = unit
            for nick, full, title in people:
                email = f"{nick}@{province}.example"
                person = Person(unit_id=unit.id, name=full, title=title, email=email)
                session.add(person)
                await session.flush()
                known[nick] = Known(person.id, unit.id, name, full, title, email)
    return known
