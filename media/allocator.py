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
PATIENCE, THIN = 2_000_000, 100_000
"""For so long the first picture stays where there is no room for it, if its smallest is as thin as this: a pause would
be longer than most of such moments are."""
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
        "cap",
        "failed",
        "ladder",
        "offered",
        "paused_at",
        "raised_at",
        "raised_with",
        "refused",
        "retry_at",
        "rung",
        "settled_at",
        "short_since",
    )

    def __init__(self) -> None:
        self.rung = PAUSED
        self.raised_at = self.settled_at = self.paused_at = self.short_since = NEVER
        self.retry_at, self.failed, self.backoff = NEVER, PAUSED, FIRST_BACKOFF
        self.raised_with = self.refused = 0
        self.ladder: tuple[Rung, ...] = ()
        self.cap, self.offered = 0, list[int]()

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
    ladder: tuple[Rung, ...]
    cap: int

    def offered(self) -> Sequence[int]:
        """The places of the rungs that may be sent, from worst to best."""
        state, ladder, cap = self.state, self.ladder, self.cap
        if ladder is not state.ladder or cap != state.cap:
            state.ladder, state.cap = ladder, cap
            state.offered = [place for place, rung in enumerate(ladder) if rung.bitrate and rung.spatial <= cap]
        return state.offered


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


def allocate(
    budget: int, audio: int, claims: Sequence[Claim], now: int, *, crowded: bool = False, blamed: bool = True
) -> Allocation:
    """Spends ``budget`` on ``audio`` and on the claims, the most important first. Notes in the states what it chose.

    ``crowded``: the path is full just now, and nobody goes up. ``blamed``: a fall may be laid to a rise before it.
    """
    purse = _Purse(budget, audio, all(now >= claim.state.settled_at for claim in claims), crowded)
    offers = [claim.offered() for claim in claims]
    rungs = [
        purse.grant(claim, offered, now, patient=not place)
        for place, (claim, offered) in enumerate(zip(claims, offers, strict=True))
    ]
    for place, (claim, offered) in enumerate(zip(claims, offers, strict=True)):
        if rungs[place] != PAUSED:
            rungs[place] = purse.raised(claim, offered, now)
    wanted, unmet = audio, False
    for claim, offered, rung in zip(claims, offers, rungs, strict=True):
        if offered:
            wanted += claim.ladder[offered[-1]].bitrate
            unmet = unmet or rung < offered[-1]
    refused = max((claim.state.refused for claim in claims if now < claim.state.retry_at), default=0)
    for claim, offered, rung in zip(claims, offers, rungs, strict=True):
        _note(claim, rung, purse, now, blamed=blamed and claim.state.rung in offered)
    return Allocation(tuple(rungs), purse.spent, int(max(MARGIN * wanted, AMPLE * refused)) + 1 if unmet else 0)


class _Purse:
    """``settled``: nobody has just risen, nor do new key frames come."""

    __slots__ = ("_careful", "_crowded", "_risen", "_settled", "budget", "spent")

    def __init__(self, budget: int, spent: int, settled: bool, crowded: bool) -> None:
        self.budget, self.spent, self._settled, self._crowded = budget, spent, settled, crowded
        self._careful, self._risen = budget / (MARGIN if settled else AMPLE), False

    def grant(self, claim: Claim, offered: Sequence[int], now: int, *, patient: bool) -> int:
        """The lowest rung where there is money for it, and where it was there and is waited for."""
        if not offered:
            return PAUSED
        state, lowest = claim.state, offered[0]
        spent = self.spent + claim.ladder[lowest].bitrate
        if state.rung != PAUSED:
            if spent <= self.budget:
                state.short_since = NEVER
            elif state.short_since == NEVER:
                state.short_since = now
            waits = patient and claim.ladder[lowest].bitrate <= THIN and now - state.short_since < PATIENCE
            if spent > self.budget and not waits:
                return PAUSED
        elif (
            spent > self._careful
            or now - state.paused_at < PAUSE
            or state.barred(lowest, self.budget, now)
            or (self._crowded and state.paused_at != NEVER)
        ):
            return PAUSED
        self._take(spent, risen=state.rung == PAUSED)
        return lowest

    def raised(self, claim: Claim, offered: Sequence[int], now: int) -> int:
        """The best rung for which there is money, after the lowest was granted.

        Where an important picture rises, those behind it stay only if the margin remains.
        """
        state, ladder, best = claim.state, claim.ladder, offered[0]
        base, spent = self.spent - ladder[best].bitrate, self.spent
        staying = self.budget / MARGIN if self._risen else self.budget
        for place in offered:
            keeps = place <= state.rung
            if not keeps and (self._crowded or state.barred(place, self.budget, now)):
                break
            total = base + ladder[place].bitrate
            if total <= (staying if keeps else self._careful):
                best, spent = place, total
        self._take(spent, risen=best > max(offered[0], state.rung))
        return best

    def _take(self, spent: int, *, risen: bool) -> None:
        self.spent = spent
        if risen:
            self._risen = True
            if self._settled and AMPLE * spent > self.budget:
                self._settled, self._careful = False, self.budget / AMPLE


def _note(claim: Claim, rung: int, purse: _Purse, now: int, *, blamed: bool) -> None:
    """``blamed`` is false when the rung that the slot had is not offered any more, or another reason may have been."""
    state = claim.state
    recent = now - state.raised_at < TRIED
    if rung < state.rung and blamed and recent:
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
