"""Which letters follow from a change."""

from __future__ import annotations

from msgspec import structs

from meetings.access import Role
from scheduler.edition import Recipient
from scheduler.plan import Letter, Plan, plan


def guest(site: str) -> Recipient:
    return Recipient(site, f"Xã {site}", f"Bà {site}", Role.DELEGATE, f"{site}@example.com")


A, B = guest("a"), guest("b")


def test_the_first_sending_asks_everybody_and_raises_nothing() -> None:
    found = plan({}, set(), {"a": A, "b": B}, changed=False)
    assert found == Plan(False, (Letter("REQUEST", A), Letter("REQUEST", B)), ())


def test_nothing_changed_means_no_letter() -> None:
    assert plan({"a": A}, set(), {"a": A}, changed=False) == Plan(False, (), ())


def test_a_change_of_the_facts_goes_to_everybody_with_a_higher_sequence() -> None:
    found = plan({"a": A, "b": B}, {"b"}, {"a": A, "b": B}, changed=True)
    assert found == Plan(True, (Letter("REQUEST", A), Letter("REQUEST", B)), ())


def test_a_new_site_alone_raises_nothing_for_the_others() -> None:
    assert plan({"a": A}, set(), {"a": A, "b": B}, changed=False) == Plan(False, (Letter("REQUEST", B),), ())


def test_a_site_taken_off_the_list_gets_a_cancel_and_the_others_nothing() -> None:
    assert plan({"a": A, "b": B}, set(), {"a": A}, changed=False) == Plan(True, (Letter("CANCEL", B),), ())


def test_a_new_address_gets_the_invitation_and_the_old_one_a_cancel() -> None:
    moved = structs.replace(A, email="khac@example.com", serial=2)
    found = plan({"a": A}, {"a"}, {"a": moved}, changed=False)
    assert found == Plan(True, (Letter("CANCEL", A), Letter("REQUEST", moved)), ())


def test_another_name_at_the_same_address_is_an_update() -> None:
    renamed = structs.replace(A, person="Ông C", serial=2)
    assert plan({"a": A}, set(), {"a": renamed}, changed=False) == Plan(True, (Letter("REQUEST", renamed),), ())


def test_what_failed_is_sent_again_when_nothing_else_goes_out() -> None:
    assert plan({"a": A, "b": B}, {"b"}, {"a": A, "b": B}, changed=False) == Plan(False, (), ("b",))
