from __future__ import annotations

import pytest
from msgspec.structs import replace
from play import FACTS, Play

from meetings.errors import NotAllowed, WrongMoment
from meetings.events import MeetingPrepared, SiteMuted, SiteUnmuted
from signaling.protocol import Adjourn, EndFloor, GiveFloor, Mute, MuteAll, OpenMeeting, SitesChanged, Unmute


def silent(play: Play) -> set[str]:
    return {site.id for site in play.room.seated() if play.room.muted(site)}


def test_before_the_opening_everybody_but_the_listeners_may_test_the_microphone(play: Play) -> None:
    play.enter("chair", "north", "guest").enter("south", listen_only=True)
    assert silent(play) == {"guest", "south"}


def test_the_opening_mutes_everybody_but_the_chair_and_everybody_is_told(opened: Play) -> None:
    assert silent(opened) == {"clerk", "north", "south", "guest"}
    (changed,) = [m for m in opened.heard("*") if isinstance(m, SitesChanged)]
    assert changed.sites["north"].muted


def test_the_floor_opens_the_microphone_and_its_end_closes_it(opened: Play) -> None:
    opened >> ("chair", GiveFloor("north"))
    assert silent(opened) == {"clerk", "south", "guest"}
    opened >> ("north", EndFloor())
    assert silent(opened) == {"clerk", "north", "south", "guest"}


def test_the_end_of_the_meeting_opens_no_microphone(opened: Play) -> None:
    before = silent(opened)
    opened >> ("chair", Adjourn())
    assert {site.id for site in opened.room.facts.sites if opened.room.muted(site)} == before


def test_the_chair_silences_even_who_has_the_floor(opened: Play) -> None:
    opened >> ("chair", GiveFloor("north")) >> ("chair", Mute("north")) << (SiteMuted("north", "chair"),)
    assert "north" in silent(opened)
    opened >> ("chair", Mute("north")) << ()


def test_the_chair_lets_a_site_speak_without_the_floor(opened: Play) -> None:
    opened >> ("chair", Unmute("south")) << (SiteUnmuted("south", "chair"),)
    assert "south" not in silent(opened)
    opened >> ("clerk", MuteAll()) << (SiteMuted("south", "clerk"),)


def test_nobody_mutes_the_chair_and_delegates_mute_nobody(opened: Play) -> None:
    with pytest.raises(WrongMoment, match="chair_not_muted"):
        opened >> ("clerk", Mute("chair"))
    with pytest.raises(NotAllowed):
        opened >> ("north", Mute("south"))
    with pytest.raises(WrongMoment, match="listen_only"):
        opened >> ("chair", Unmute("guest"))


def test_free_microphones_stay_open_until_somebody_is_muted(play: Play) -> None:
    play.write([MeetingPrepared(replace(FACTS, microphones="free"))])
    play.enter("chair", "north", "south") >> ("chair", OpenMeeting())
    assert silent(play) == set()
    play >> ("chair", MuteAll()) << (SiteMuted("north", "chair"), SiteMuted("south", "chair"))
