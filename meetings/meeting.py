"""The life of a meeting as one table; the diagram in ``docs/convene.md`` is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from meetings.errors import WrongMoment


class State(StrEnum):
    """Where a meeting stands, in the order of the stepper of *Hồ sơ cuộc họp*."""

    DRAFT = "draft"
    INVITED = "invited"
    LIVE = "live"
    ADJOURNED = "adjourned"
    APPROVED = "approved"
    CANCELLED = "cancelled"


class Act(StrEnum):
    INVITE = "invite"
    OPEN = "open"
    ADJOURN = "adjourn"
    APPROVE_MINUTES = "approve_minutes"
    CANCEL = "cancel"


TRANSITIONS: Mapping[State, Mapping[Act, State]] = {
    State.DRAFT:     {Act.INVITE: State.INVITED, Act.CANCEL: State.CANCELLED},
    State.INVITED:   {Act.INVITE: State.INVITED, Act.OPEN: State.LIVE, Act.CANCEL: State.CANCELLED},
    State.LIVE:      {Act.ADJOURN: State.ADJOURNED},
    State.ADJOURNED: {Act.APPROVE_MINUTES: State.APPROVED},
    State.APPROVED:  {},
    State.CANCELLED: {},
}  # fmt: skip


class Regime(StrEnum):
    """Which rules the meeting follows (``domain.md``; Decision 45/2018/QĐ-TTg, Decree 39/2022/NĐ-CP)."""

    DECISION_45 = "decision_45"
    GOVERNMENT = "government"
    PEOPLES_COMMITTEE = "peoples_committee"
    OTHER = "other"


class Kind(StrEnum):
    """The eight kinds of meeting of Decision 45/2018/QĐ-TTg."""

    ADVISORY = "advisory"
    WORKING = "working"
    BRIEFING = "briefing"
    COORDINATION = "coordination"
    SPECIALIST = "specialist"
    REVIEW = "review"
    THEMATIC = "thematic"
    TRAINING = "training"


class Classification(StrEnum):
    """Law 117/2025 on state secrets: this system carries *thường* alone."""

    ORDINARY = "ordinary"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"
    TOP_SECRET = "top_secret"


def after(state: State, act: Act) -> State:
    """The state that follows. Raises ``WrongMoment`` when the table has no such step."""
    try:
        return TRANSITIONS[state][act]
    except KeyError:
        raise WrongMoment(state=state, act=act) from None
