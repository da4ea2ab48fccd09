"""Which layer of each picture a receiver is sent: what the estimate gives, spent in the order of importance.

Sound comes first and is never touched. Then everyone gets the lowest rung of its ladder, the stage before the tiles:
nobody is black only because another is large. What is left lets the stage rise as far as it needs in the size in which
it is shown, then the tiles in their order. Staying needs no margin, going up does. A slot whose lowest rung does not
fit is paused: it shows nothing rather than a frozen picture.

Pure but for the ``SlotState`` of each slot; time is an argument, in µs, rates in bit/s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PAUSED = -1

MARGIN = 1.18
"""Going up must fit with so much to spare."""
AMPLE = 1.5
"""With so much to spare, several may go up at once and nobody need wait."""
SETTLE = 1_000_000
"""After a rise or a change of source the key frame's octets blind the estimate: nobody goes up for so long."""
TRIED = 5_000_000
"""A budget that falls so soon after a rise says that the rise was too much."""
FELL = 0.9
"""A budget that is still so much of what it was at the rise has not fallen: the picture has grown."""
FIRST_BACKOFF, LONGEST_BACKOFF = 5_000_000, 60_000_000
PAUSE = 3_000_000
"""A paused picture stays away for at least so long."""
SHARP = 0.75
"""A layer is good enough with so much of the height in which it is shown."""
NEVER = -(1 << 62)


class Rung(NamedTuple):
    """One way to send a picture. ``bitrate`` is measured, 0 for a layer that is not alive; ``height`` in lines, 0 where
    it is not known.

    A layer that was stopped because nobody watches it counts as alive, with the rate that it last had.
    """

    spatial: int
    temporal: int
    bitrate: int
    height: int = 0


class SlotState:
    """What one slot remembers: ``rung``, the place on its ladder now, and how its last rise went.

    ``refused`` is what the path was last found not to carry, in all, when the slot had risen to the rung ``failed``:
    until ``retry_at`` that is tried again only when the budget has become far larger, for then the path is another one.
    """

    __slots__ = (
        "backoff",
        "failed",
        "paused_at",
        "raised_at",
        "raised_with",
        "refused",
        "retry_at",
        "rung",
        "settled_at",
    )

    def __init__(self) -> None:
        self.rung = PAUSED
        self.raised_at = self.settled_at = self.paused_at = NEVER
        self.retry_at, self.failed, self.backoff = NEVER, PAUSED, FIRST_BACKOFF
        self.raised_with = self.refused = 0

    def switched(self, now: int) -> None:
        """The slot shows another source: what was learned of the old one is void, and its key frame is on its way.

        Tell the estimate too: ``Estimate.blind(now)``.
        """
        self.settled_at, self.retry_at, self.backoff = now + SETTLE, NEVER, FIRST_BACKOFF
        self.paused_at = NEVER

    def barred(self, place: int, budget: int, now: int) -> bool:
        """Whether a rise to this rung has failed just now."""
        return now < self.retry_at and place >= self.failed and budget < AMPLE * self.refused


@dataclass(frozen=True, slots=True)
class Claim:
    """A slot that is to show a picture. ``ladder`` runs from worst to best, its places stay; receivers share it.

    ``cap`` is the highest spatial layer worth sending. A ladder of one rung is a sender without simulcast.
    """

    state: SlotState
    ladder: Sequence[Rung]
    cap: int

    def offered(self) -> list[int]:
        """The places of the rungs that may be sent, from worst to best."""
        return [place for place, rung in enumerate(self.ladder) if rung.bitrate and rung.spatial <= self.cap]


@dataclass(frozen=True, slots=True)
class Allocation:
    """``rungs`` are places on the ladders, ``PAUSED`` for none. ``spent`` is what they and the sound take together.

    ``wanted`` is what the path would have to carry for all to be at their best, 0 when they are; probe for it.
    """

    rungs: tuple[int, ...]
    spent: int
    wanted: int


def layer_for(height: int, heights: Sequence[int]) -> int:
    """The lowest spatial layer that is sharp enough to be shown so high; ``heights`` are those of the layers."""
    return next((layer for layer, offered in enumerate(heights) if offered >= SHARP * height), len(heights) - 1)


def allocate(budget: int, audio: int, claims: Sequence[Claim], now: int, *, crowded: bool = False) -> Allocation:
    """Spends ``budget`` on ``audio`` and on the claims, the most important first. Notes in the states what it chose.

    ``crowded``: the path is full just now, and nobody goes up.
    """
    purse = _Purse(budget, audio, all(now >= claim.state.settled_at for claim in claims), crowded)
    offers = [claim.offered() for claim in claims]
    rungs = [PAUSED] * len(claims)
    for most in (1, None):
        for place, (claim, offered) in enumerate(zip(claims, offers, strict=True)):
            if most or rungs[place] != PAUSED:
                rungs[place] = purse.pay(claim, offered[:most], rungs[place], now)
    wanted, unmet = audio, False
    for claim, offered, rung in zip(claims, offers, rungs, strict=True):
        if offered:
            wanted += claim.ladder[offered[-1]].bitrate
            unmet = unmet or rung < offered[-1]
    refused = max((claim.state.refused for claim in claims if now < claim.state.retry_at), default=0)
    for claim, offered, rung in zip(claims, offers, rungs, strict=True):
        _note(claim, rung, purse, now, alive=claim.state.rung in offered)
    return Allocation(tuple(rungs), purse.spent, int(max(MARGIN * wanted, AMPLE * refused)) + 1 if unmet else 0)


class _Purse:
    """``settled``: nobody has just risen, nor do new key frames come."""

    def __init__(self, budget: int, spent: int, settled: bool, crowded: bool) -> None:
        self.budget, self.spent, self._settled, self._crowded = budget, spent, settled, crowded
        self._risen = False

    def pay(self, claim: Claim, offered: Sequence[int], paid: int, now: int) -> int:
        """The best of the rungs for which there is money; ``paid`` is the one that was paid already.

        Where an important picture rises, those behind it stay only if the margin remains.
        """
        state, ladder, best = claim.state, claim.ladder, paid
        if state.rung == PAUSED and now - state.paused_at < PAUSE:
            return PAUSED
        base = self.spent - (ladder[paid].bitrate if paid != PAUSED else 0)
        careful = self.budget / (MARGIN if self._settled else AMPLE)
        staying = self.budget / MARGIN if self._risen else self.budget
        for place in offered:
            keeps = place <= state.rung or (place == offered[0] and state.rung != PAUSED)
            if not keeps and (self._crowded or state.barred(place, self.budget, now)):
                break
            if base + ladder[place].bitrate <= (staying if keeps else careful):
                best = place
        if best != PAUSED:
            self.spent = base + ladder[best].bitrate
            if best > max(paid, state.rung):
                self._risen = True
                self._settled = self._settled and AMPLE * self.spent <= self.budget
        return best


def _note(claim: Claim, rung: int, purse: _Purse, now: int, *, alive: bool) -> None:
    """``alive`` is false when the rung that the slot had is not offered any more."""
    state = claim.state
    recent = now - state.raised_at < TRIED
    if rung < state.rung and alive and recent:
        if purse.budget < FELL * state.raised_with:
            lower = claim.ladder[rung].bitrate if rung != PAUSED else 0
            state.refused = purse.spent + claim.ladder[state.rung].bitrate - lower
            state.failed, state.retry_at = state.rung, now + state.backoff
            state.backoff = min(LONGEST_BACKOFF, 2 * state.backoff)
        state.raised_at = NEVER
    elif rung > state.rung:
        state.raised_at, state.settled_at, state.raised_with = now, now + SETTLE, purse.budget
    elif not recent and now > state.retry_at + TRIED:
        state.backoff = FIRST_BACKOFF
    if rung == PAUSED and state.rung != PAUSED:
        state.paused_at = now
    state.rung = rung
