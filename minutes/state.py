"""The life of minutes as one table; the diagram in ``docs/states.md`` is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from meetings.errors import WrongMoment


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"


class Act(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"


TRANSITIONS: Mapping[State, Mapping[Act, State]] = {
    State.DRAFT:     {Act.SAVE: State.DRAFT, Act.SUBMIT: State.SUBMITTED},
    State.SUBMITTED: {Act.RETURN: State.DRAFT, Act.APPROVE: State.APPROVED},
    State.APPROVED:  {},
}  # fmt: skip


def after(state: State, act: Act) -> State:
    """The state that follows. Raises ``WrongMoment`` *minutes_wrong_moment* when the table has no such step."""
    try:
        return TRANSITIONS[state][act]
    except KeyError:
        raise WrongMoment("minutes_wrong_moment", state=state, act=act) from None
