"""The rules of convening: what an invitation still lacks, and until when it may be sent.

Decision 45/2018/QĐ-TTg, Art. 10 says what an invitation states and that it goes out three working days before;
Decree 39/2022/NĐ-CP gives the Government's sessions three days. Pure: a draft in, an answer out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from meetings.access import Role
from meetings.errors import Invalid, Refused, WrongMoment
from meetings.meeting import Classification, Kind, Regime, State
from meetings.working_days import VIETNAM, add_working_days, end_of_office, subtract_working_days

What = Literal[
    "title", "unit", "time", "time_past", "deadline_passed", "too_long", "chair", "chairs", "secretary", "sites",
    "site_email", "site_name", "agenda", "item_title", "place", "contact", "signer", "request",
]  # fmt: skip
Section = Literal["info", "sites", "agenda", "settings"]
Answer = Literal["none", "accepted", "declined", "substitute"]

WORKING_DAYS_BEFORE = 3
GOVERNMENT_DAYS_BEFORE = 3
NOTICE_WORKING_DAYS = 5
TICKET_LASTS = timedelta(days=1)

HALF_DAY = timedelta(hours=4)
"""Half of the eight hours of a working day (Labour Code 2019, Art. 105)."""

LONGEST: Mapping[Kind, timedelta | int] = {
    Kind.ADVISORY: HALF_DAY,
    Kind.WORKING: HALF_DAY,
    Kind.BRIEFING: HALF_DAY,
    Kind.COORDINATION: HALF_DAY,
    Kind.SPECIALIST: 1,
    Kind.REVIEW: 1,
    Kind.THEMATIC: 1,
    Kind.TRAINING: 2,
}
"""The caps of Decision 45: a length, or a number of calendar days that the meeting may touch."""


@dataclass(frozen=True)
class Missing:
    """``blocks``: the invitation cannot be sent without it."""

    what: What
    section: Section
    blocks: bool


@dataclass(frozen=True)
class Seat:
    """One site of a draft. ``name`` is what its plate shows, ``email`` where its invitation goes."""

    role: Role
    name: str
    email: str


@dataclass(frozen=True)
class Draft:
    """What the rules look at. ``agenda`` are the titles of the items."""

    title: str
    unit: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    regime: Regime
    kind: Kind
    urgent: bool
    place: str
    request: str
    contact: str
    signer_name: str
    agenda: Sequence[str]
    sites: Sequence[Seat]


def deadline(regime: Regime, starts_at: datetime | None, urgent: bool) -> datetime | None:
    """The last legal moment to send the invitation: 17:00 of a day in Vietnam. ``None``: there is none."""
    if starts_at is None or urgent or regime is Regime.OTHER:
        return None
    day = starts_at.astimezone(VIETNAM).date()
    if regime is Regime.GOVERNMENT:
        return end_of_office(day - timedelta(days=GOVERNMENT_DAYS_BEFORE))
    return end_of_office(subtract_working_days(day, WORKING_DAYS_BEFORE))


def answer_due(starts_at: datetime, now: datetime) -> datetime:
    """Until when an invitee answers: the end of the last working day before, or the beginning if that is over."""
    due = end_of_office(subtract_working_days(starts_at.astimezone(VIETNAM).date(), 1))
    return due if due > now else starts_at


def minutes_due(adjourned_at: datetime) -> datetime:
    """Until when the conclusions go out in writing: five working days (Decision 45)."""
    return end_of_office(add_working_days(adjourned_at.astimezone(VIETNAM).date(), NOTICE_WORKING_DAYS))


def ticket_until(ends_at: datetime) -> datetime:
    """Until when a ticket opens the door: meetings run over, but not for more than a day."""
    return ends_at + TICKET_LASTS


def too_long(kind: Kind, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the planned time is above the cap of the kind."""
    match LONGEST[kind]:
        case timedelta() as length:
            return ends_at - starts_at > length
        case days:
            last = (ends_at - timedelta(microseconds=1)).astimezone(VIETNAM).date()
            return (last - starts_at.astimezone(VIETNAM).date()).days >= days


def missing(draft: Draft, now: datetime) -> tuple[Missing, ...]:
    """What the invitation lacks, in the order of the form."""
    return tuple(
        Missing(what, section, blocks)
        for what, section, blocks, lacks in (*_information(draft, now), *_sites(draft), *_agenda(draft))
        if lacks
    )


_Check = tuple[What, Section, bool, bool]


def _information(draft: Draft, now: datetime) -> list[_Check]:
    start, end = draft.starts_at, draft.ends_at
    timed = start is not None and end is not None
    last = deadline(draft.regime, start, draft.urgent)
    capped = draft.regime is Regime.DECISION_45
    return [
        ("title", "info", True, not draft.title),
        ("unit", "info", True, draft.unit is None),
        ("time", "info", True, not timed),
        ("time_past", "info", True, end is not None and end <= now),
        ("deadline_passed", "info", False, last is not None and last < now and start is not None and now < start),
        (
            "too_long",
            "info",
            False,
            capped and start is not None and end is not None and too_long(draft.kind, start, end),
        ),
        ("place", "info", True, not draft.place),
        ("contact", "info", True, not draft.contact),
        ("request", "info", False, not draft.request),
        ("signer", "info", True, not draft.signer_name),
    ]


def _sites(draft: Draft) -> list[_Check]:
    chairs = sum(site.role is Role.CHAIR for site in draft.sites)
    return [
        ("chair", "sites", True, chairs == 0),
        ("chairs", "sites", True, chairs > 1),
        ("secretary", "sites", False, not any(site.role is Role.SECRETARY for site in draft.sites)),
        ("sites", "sites", True, not any(site.role is not Role.CHAIR for site in draft.sites)),
        ("site_name", "sites", True, any(not site.name for site in draft.sites)),
        ("site_email", "sites", False, any(not site.email for site in draft.sites)),
    ]


def _agenda(draft: Draft) -> list[_Check]:
    return [
        ("agenda", "agenda", True, not draft.agenda),
        ("item_title", "agenda", True, any(not title for title in draft.agenda)),
    ]


def check_classification(classification: Classification) -> None:
    """Raises ``Refused`` above *thường*: this system must not carry state secrets (Law 117/2025)."""
    if classification is not Classification.ORDINARY:
        raise Refused("classification_refused", classification=classification)


def check_times(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raises ``Invalid`` when the end does not come after the beginning."""
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Invalid("ends_before_start", field="ends_at")


def check_complete(draft: Draft, now: datetime) -> None:
    """Raises ``Refused`` *invitation_incomplete* when something that blocks is missing; the first is named."""
    blocking = [lack for lack in missing(draft, now) if lack.blocks]
    if blocking:
        raise Refused("invitation_incomplete", what=blocking[0].what, count=len(blocking))


def check_editable(state: State) -> None:
    """Raises ``WrongMoment`` once the meeting has begun or was cancelled: then its log speaks."""
    if state not in {State.DRAFT, State.INVITED}:
        raise WrongMoment("meeting_not_editable", state=state)


def check_answer(state: State, answer: Answer, substitute_name: str) -> None:
    """Raises ``WrongMoment`` when nobody waits for answers, ``Invalid`` for a substitute without a name."""
    if state not in {State.INVITED, State.LIVE}:
        raise WrongMoment("not_answerable", state=state)
    if answer == "substitute" and not substitute_name.strip():
        raise Invalid("substitute_name_needed", field="substitute_name")
