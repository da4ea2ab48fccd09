from __future__ import annotations

from signaling.presence import GRACE, Presence


def test_a_short_disconnect_keeps_the_seat_for_the_grace() -> None:
    presence = Presence()
    presence.connect("north", "s1")
    assert presence.disconnect("north", "s1", now=10)
    assert not presence.lives["north"].connected
    assert presence.due(10 + GRACE - 1) == []
    assert presence.next_due() == 10 + GRACE
    assert presence.due(10 + GRACE) == ["north"]


def test_coming_back_in_time_ends_the_waiting() -> None:
    presence = Presence()
    presence.connect("north", "s1")
    presence.disconnect("north", "s1", now=10)
    assert presence.connect("north", "s2") is None
    assert presence.next_due() is None


def test_another_device_replaces_the_first_and_its_late_close_is_nothing() -> None:
    presence = Presence()
    presence.connect("north", "s1")
    assert presence.connect("north", "s2") == "s1"
    assert not presence.disconnect("north", "s1", now=10)
    assert presence.lives["north"].connected


def test_after_a_restart_the_seated_are_awaited() -> None:
    presence = Presence()
    presence.connect("chair", "s1")
    presence.expect("chair", now=0)
    presence.expect("north", now=0)
    assert presence.due(GRACE) == ["north"]
