from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meetings.access import Office

Username = Annotated[str, Meta(min_length=3, max_length=60, pattern=r"^[a-z0-9._-]+$")]
Password = Annotated[str, Meta(min_length=10, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=120)]


class Me(Struct, frozen=True):
    """Who is signed in. ``may`` lists the office's acts (``meetings.access.OFFICE_MAY``)."""

    account: str
    username: str
    name: str
    office: Office
    person: str | None
    unit: str | None
    unit_name: str
    may: tuple[str, ...]


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(max_length=60)]
    password: Annotated[str, Meta(max_length=200)]


class LinkView(Struct, frozen=True):
    """What a one-time link is for. ``first_administrator`` asks for a name and a username as well."""

    purpose: Literal["first_administrator", "activate", "reset"]
    username: str | None
    name: str | None


class UseLink(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    username: Username | None = None
    name: Name | None = None


class ChangePassword(Struct, frozen=True, forbid_unknown_fields=True):
    current: Annotated[str, Meta(max_length=200)]
    new: Password


class SessionView(Struct, frozen=True):
    """A signed-in browser. ``current`` is the one that asks."""

    id: str
    created_at: str
    seen_at: str
    browser: str
    address: str
    current: bool


class AccountView(Struct, frozen=True):
    id: str
    username: str
    name: str
    office: Office
    person: str | None
    unit_name: str
    disabled: bool
    active: bool
    """False until the one-time link was used."""
    seen_at: str | None


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """``person`` ties the account to a known person; else one is made from ``name`` and ``unit``."""

    username: Username
    name: Name
    office: Office
    person: str | None = None
    unit: str | None = None
    email: Annotated[str, Meta(max_length=254)] = ""


class ChangeAccount(Struct, frozen=True, forbid_unknown_fields=True):
    office: Office | None = None
    disabled: bool | None = None


class AccountWithLink(Struct, frozen=True):
    """A one-time link is shown once, to whoever made it."""

    account: AccountView
    link: str
    expires_at: str
