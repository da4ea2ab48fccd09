from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Short = Annotated[str, Meta(max_length=60)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+$")]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class UnitView(Struct, frozen=True):
    id: str
    parent: str | None
    name: str
    short_name: str
    symbol: str
    place: str
    email: str
    effective_from: str | None
    effective_to: str | None
    people: int


class SaveUnit(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    parent: str | None = None
    short_name: Short = ""
    symbol: Annotated[str, Meta(max_length=30)] = ""
    place: Annotated[str, Meta(max_length=100)] = ""
    email: Email = ""
    effective_from: Day | None = None
    effective_to: Day | None = None


class PersonView(Struct, frozen=True):
    id: str
    unit: str | None
    unit_name: str
    name: str
    title: str
    email: str
    phone: str


class SavePerson(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=120)]
    unit: str | None = None
    title: Annotated[str, Meta(max_length=120)] = ""
    email: Email = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
