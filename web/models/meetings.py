from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meetings.access import Role
from meetings.meeting import Classification, Kind, Regime, State

Answer = Literal["none", "accepted", "declined", "substitute"]
Tab = Literal["upcoming", "live", "minutes", "done"]
Line = Annotated[str, Meta(max_length=200)]


class AgendaItemBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``id`` ``None``: a new item. Order is the list's."""

    title: Annotated[str, Meta(max_length=300)]
    minutes: Annotated[int, Meta(ge=1, le=600)] = 15
    presenter: str | None = None
    id: str | None = None


class SiteBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``id`` ``None``: a new site. ``name`` empty: the unit's. Order is the list's."""

    role: Role
    unit: str | None = None
    person: str | None = None
    name: Line = ""
    person_name: Annotated[str, Meta(max_length=120)] = ""
    person_title: Annotated[str, Meta(max_length=120)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    id: str | None = None


class SaveMeeting(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole form of *Soạn cuộc họp*; ``revision`` is the one that was read (else ``conflict``)."""

    revision: int
    title: Line = ""
    unit: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    regime: Regime = Regime.DECISION_45
    kind: Kind = Kind.BRIEFING
    classification: Classification = Classification.ORDINARY
    urgent: bool = False
    place: Line = ""
    request: Annotated[str, Meta(max_length=4000)] = ""
    contact: Line = ""
    signer_title: Line = ""
    signer_name: Annotated[str, Meta(max_length=120)] = ""
    turn_minutes: Annotated[int, Meta(ge=1, le=120)] = 5
    microphones: Literal["by_floor", "free"] = "by_floor"
    lobby: bool = False
    agenda: Annotated[tuple[AgendaItemBody, ...], Meta(max_length=100)] = ()
    sites: Annotated[tuple[SiteBody, ...], Meta(max_length=4000)] = ()


class SiteDetail(Struct, frozen=True):
    id: str
    number: int
    role: Role
    unit: str | None
    person: str | None
    name: str
    person_name: str
    person_title: str
    email: str
    answer: Answer
    substitute_name: str
    answer_note: str
    answered_at: str | None
    delivery: Literal["none", "queued", "sent", "failed"]


class AgendaItemDetail(Struct, frozen=True):
    id: str
    number: int
    title: str
    minutes: int
    presenter: str | None


class Missing(Struct, frozen=True):
    """What the invitation still lacks: a stable word, the part of the form, and whether it stops the sending."""

    what: str
    section: Literal["info", "sites", "agenda", "settings"]
    blocks: bool


class MeetingDetail(Struct, frozen=True):
    """``deadline``: the last legal moment for the invitation. ``my_site``: the site that I would sit at."""

    id: str
    revision: int
    state: State
    title: str
    unit: str | None
    unit_name: str
    starts_at: str | None
    ends_at: str | None
    regime: Regime
    kind: Kind
    classification: Classification
    urgent: bool
    place: str
    request: str
    contact: str
    signer_title: str
    signer_name: str
    turn_minutes: int
    microphones: Literal["by_floor", "free"]
    lobby: bool
    agenda: tuple[AgendaItemDetail, ...]
    sites: tuple[SiteDetail, ...]
    deadline: str | None
    missing: tuple[Missing, ...]
    changed_since_invited: bool
    invited_at: str | None
    opened_at: str | None
    adjourned_at: str | None
    cancelled_at: str | None
    cancel_reason: str
    my_site: str | None
    my_role: Role | None
    may_edit: bool
    minutes_state: Literal["none", "draft", "submitted", "approved"]
    recording_state: Literal["none", "recording", "composing", "ready", "failed"]


class MeetingSummary(Struct, frozen=True):
    id: str
    title: str
    state: State
    unit_name: str
    starts_at: str | None
    ends_at: str | None
    chair: str
    my_role: Role | None
    my_site: str | None
    sites: int
    answered: int
    accepted: int
    deadline: str | None
    may_edit: bool
    minutes_state: Literal["none", "draft", "submitted", "approved"]
    recording_state: Literal["none", "recording", "composing", "ready", "failed"]


class MeetingList(Struct, frozen=True):
    """One tab's meetings, and the count of each tab."""

    meetings: tuple[MeetingSummary, ...]
    counts: dict[Tab, int]


class Todo(Struct, frozen=True):
    """What waits for me."""

    what: Literal["answer", "write_minutes", "approve_minutes", "send_invitation"]
    meeting: str
    title: str
    due: str | None
    site: str | None


class Today(Struct, frozen=True):
    """*Hôm nay*: the next meeting, the day's list, what waits for me. ``now`` is the server's clock."""

    now: str
    next: MeetingSummary | None
    today: tuple[MeetingSummary, ...]
    todos: tuple[Todo, ...]


class GiveAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    answer: Literal["accepted", "declined", "substitute"]
    substitute_name: Annotated[str, Meta(max_length=120)] = ""
    note: Annotated[str, Meta(max_length=400)] = ""


class Cancel(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=400)] = ""


class TicketView(Struct, frozen=True):
    """``url`` is the address of the join page with the ticket."""

    url: str


class JoinInfo(Struct, frozen=True):
    """What the join page shows to the holder of a ticket."""

    now: str
    meeting: str
    title: str
    body: str
    starts_at: str
    ends_at: str
    chair: str
    place: str
    sites: int
    state: State
    site: str
    site_name: str
    person: str
    role: Role
    answer: Answer
    contact: str


class MailSummary(Struct, frozen=True):
    """A message of the outbox folder, newest first."""

    name: str
    at: str
    to: str
    subject: str
    method: Literal["REQUEST", "CANCEL", ""]


class MailView(Struct, frozen=True):
    """``text`` is the plain body, ``calendar`` the text/calendar part."""

    name: str
    at: str
    to: str
    sender: str
    subject: str
    text: str
    calendar: str
    links: tuple[str, ...]
