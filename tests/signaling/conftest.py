from __future__ import annotations

import pytest
from msgspec.structs import replace
from play import FACTS, Play

from meetings.events import MeetingPrepared
from signaling.protocol import OpenMeeting


@pytest.fixture
def play() -> Play:
    """The meeting before anybody came."""
    play = Play()
    play.write([MeetingPrepared(FACTS)])
    return play


@pytest.fixture
def lobby() -> Play:
    """The same with a chair who admits each site."""
    play = Play()
    play.write([MeetingPrepared(replace(FACTS, lobby=True))])
    return play


@pytest.fixture
def opened(play: Play) -> Play:
    """Everybody is seated and the chair has opened the meeting."""
    return play.enter("chair", "clerk", "north", "south", "guest") >> ("chair", OpenMeeting())
