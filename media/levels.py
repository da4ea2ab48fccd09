"""Who is heard: the audio levels that senders put into their packets (RFC 6464) turned into an order of speakers.

Pure; time is an argument, in microseconds. Levels are in −dBov: 0 is the loudest, 127 silence.
"""

from __future__ import annotations

from media.rtp import SILENT

HEARD = 3
"""How many speakers are told at most."""

SPEECH = 60
"""A level at or above −60 dBov is taken for speech."""

SMOOTHING = 0.15
"""Weight of one packet (20 ms) in the running level."""

PAUSE = 1_500_000
"""How long who spoke stays heard without speech: the pause between two sentences."""

MARGIN = 8.0
"""dB by which one must be louder to overtake who is already heard."""


class Voice:
    """One endpoint's running level, and when speech was last in it."""

    __slots__ = ("level", "packet_at", "spoke_at")

    def __init__(self) -> None:
        self.level = float(SILENT)
        self.packet_at = self.spoke_at = -PAUSE


class Levels:
    """The voices of one router."""

    def __init__(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._heard: tuple[str, ...] = ()

    def hear(self, endpoint: str, level: int, now: int) -> None:
        """A packet with this level came from an endpoint that is not muted."""
        voice = self._voices.get(endpoint)
        if voice is None:
            voice = self._voices[endpoint] = Voice()
        voice.level += (level - voice.level) * SMOOTHING
        voice.packet_at = now
        if voice.level <= SPEECH:
            voice.spoke_at = now

    def forget(self, endpoint: str) -> None:
        """The endpoint is muted or gone: it is heard no more, at once."""
        self._voices.pop(endpoint, None)
        self._heard = tuple(heard for heard in self._heard if heard != endpoint)

    def heard(self, now: int) -> tuple[str, ...]:
        """Who speaks, loudest first, at most three. Who was heard is overtaken only by who is clearly louder."""
        speaking = {endpoint: voice for endpoint, voice in self._voices.items() if now - voice.spoke_at < PAUSE}
        order = [endpoint for endpoint in self._heard if endpoint in speaking]
        order += sorted(speaking.keys() - set(order), key=lambda endpoint: (speaking[endpoint].level, endpoint))
        for last in range(1, len(order)):
            place = last
            while place and self._overtakes(speaking[order[place]], speaking[order[place - 1]], now):
                order[place - 1], order[place] = order[place], order[place - 1]
                place -= 1
        self._heard = tuple(order[:HEARD])
        return self._heard

    def loudest(self, now: int) -> tuple[str, ...]:
        """Everybody by loudness: who is heard, then who speaks or just spoke, then who spoke last; equals by name.

        So the audio slots of a small meeting hold everybody before the first word, and no word loses its beginning.
        """
        heard, latest = self.heard(now), now - PAUSE
        rest = sorted(
            self._voices.keys() - set(heard),
            key=lambda endpoint: (-min(self._voices[endpoint].spoke_at, latest), endpoint),
        )
        return (*heard, *rest)

    @staticmethod
    def _overtakes(one: Voice, other: Voice, now: int) -> bool:
        loudness = one.level if now - one.packet_at < PAUSE // 3 else SILENT
        before = other.level if now - other.packet_at < PAUSE // 3 else SILENT
        return loudness + MARGIN < before
