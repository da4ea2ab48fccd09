"""Minutes live one life: draft, submitted, approved."""

from __future__ import annotations

import pytest

from meetings.errors import WrongMoment
from minutes.state import TRANSITIONS, Act, State, after


def test_the_table_knows_every_state():
    assert set(TRANSITIONS) == set(State)


def test_a_draft_is_submitted_returned_submitted_and_approved():
    state = State.DRAFT
    for act in (Act.SAVE, Act.SUBMIT, Act.RETURN, Act.SAVE, Act.SUBMIT, Act.APPROVE):
        state = after(state, act)
    assert state is State.APPROVED


@pytest.mark.parametrize("act", list(Act))
def test_approved_minutes_never_change(act: Act):
    with pytest.raises(WrongMoment) as refused:
        after(State.APPROVED, act)
    assert refused.value.facts == {"state": "approved", "act": act}


@pytest.mark.parametrize("act", [Act.SAVE, Act.SUBMIT])
def test_what_lies_before_the_chair_is_not_written(act: Act):
    with pytest.raises(WrongMoment):
        after(State.SUBMITTED, act)


@pytest.mark.parametrize("act", [Act.RETURN, Act.APPROVE])
def test_a_draft_is_neither_returned_nor_approved(act: Act):
    with pytest.raises(WrongMoment):
        after(State.DRAFT, act)
