"""Which layer of each picture a receiver is sent: what the estimate gives, spent in the order of importance.

Sound comes first and is never touched; then the stage, then the tiles in their order. Each takes the best rung of its
ladder that still fits, up to what the size needs in which it is shown. Staying needs no margin, going up does. A slot
whose lowest rung does not fit is paused: it shows nothing rather than a frozen picture.

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
"""An estimate that falls so soon after a rise says that the rise was too much."""
FIRST_BACKOFF, LONGEST_BACKOFF = 5_000_000, 60_000_000
PAUSE = 3_000_000
"""A paused picture stays away for at least so long."""
WORTH = 50_000
"""Less is not worth asking of a sender."""
SHARP = 0.75
"""A layer is good enough with so much of the height in which it is shown."""
NEVER = -(1 << 62)


class Rung(NamedTuple):
    """One way to send a picture. ``bitrate`` is measured, 0 for a layer that is not alive.

    A layer that was stopped because nobody watches it counts as alive, with the rate that it last had.
    """

    spatial: int
    temporal: int
    bitrate: int


class SlotState:
    """What one slot remembers: ``rung``, the place on its ladder now, and how its last rise went."""

    __slots__ = ("backoff", "failed", "paused_at", "raised_at", "retry_at", "rung", "settled_at")

    def __init__(self) -> None:
        self.rung = PAUSED
        self.raised_at = self.settled_at = self.paused_at = NEVER
        self.retry_at, self.failed, self.backoff = NEVER, PAUSED, FIRST_BACKOFF

    def switched(self, now: int) -> None:
        """The slot shows another source: what was learned of the old one is void, and its key frame is on its way.

        Tell the estimate too: ``Estimate.blind(now)``.
        """
        self.settled_at, self.retry_at, self.backoff = now + SETTLE, NEVER, FIRST_BACKOFF
        self.paused_at = NEVER


@dataclass(frozen=True, slots=True)
class Claim:
    """A slot that is to show a picture. ``ladder`` runs from worst to best, its places stay; receivers share it.

    ``cap`` is the highest spatial layer worth sending. A ladder of one rung is a sender without simulcast.
    """

    state: SlotState
    ladder: Sequence[Rung]
    cap: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """``rungs`` are places on the ladders, ``PAUSED`` for none. ``spent`` is what they and the sound take together.

    ``wanted`` is what the first slot that could be better would need to be at its best, 0 when all are; probe for it.
    ``caps`` are, for senders without simulcast, the bit rates at which they would fit; ``None`` where there is nothing
    to ask.
    """

    rungs: tuple[int, ...]
    spent: int
    wanted: int
    caps: tuple[int | None, ...]


def layer_for(height: int, heights: Sequence[int]) -> int:
    """The lowest spatial layer that is sharp enough to be shown so high; ``heights`` are those of the layers."""
    return next((layer for layer, offered in enumerate(heights) if offered >= SHARP * height), len(heights) - 1)


def allocate(budget: int, audio: int, claims: Sequence[Claim], now: int) -> Allocation:
    """Spends ``budget`` on ``audio`` and on the claims, the most important first. Notes in the states what it chose."""
    settled = all(now >= claim.state.settled_at for claim in claims)
    spent, unmet = audio, 0
    caps: list[int | None] = []
    for claim in claims:
        state, ladder = claim.state, claim.ladder
        room = budget - spent
        careful = int(budget / (MARGIN if settled else AMPLE)) - spent
        ample = int(budget / AMPLE) - spent
        now_at, best, rung = state.rung, PAUSED, PAUSED
        allowed = len(ladder) if state.retry_at <= now else state.failed
        if now_at == PAUSED and now - state.paused_at < PAUSE:
            allowed = 0
        for place, (spatial, _, bitrate) in enumerate(ladder):
            if not bitrate or spatial > claim.cap:
                continue
            if place <= now_at or place < allowed:
                best = place
                if bitrate <= (room if place <= now_at else careful):
                    rung = place
        if rung > now_at:
            settled = settled and ladder[rung].bitrate <= ample
        _note(state, rung, now, fits=now_at <= rung or not _alive(ladder, now_at, claim.cap))
        if not unmet and best > rung:
            unmet = ladder[best].bitrate - (ladder[rung].bitrate if rung != PAUSED else 0)
        spent += ladder[rung].bitrate if rung != PAUSED else 0
        caps.append(room if len(ladder) == 1 and ladder[0].bitrate and room >= WORTH else None)
    wanted = int((spent + unmet) * MARGIN) if unmet else 0
    return Allocation(tuple(claim.state.rung for claim in claims), spent, wanted, tuple(caps))


def _alive(ladder: Sequence[Rung], place: int, cap: int) -> bool:
    return 0 <= place < len(ladder) and ladder[place].bitrate > 0 and ladder[place].spatial <= cap


def _note(state: SlotState, rung: int, now: int, *, fits: bool) -> None:
    """``fits`` is false when the slot had to go down for want of room."""
    recent = now - state.raised_at < TRIED
    if not fits and recent:
        state.failed, state.retry_at = state.rung, now + state.backoff
        state.backoff = min(LONGEST_BACKOFF, 2 * state.backoff)
        state.raised_at = NEVER
    elif rung > state.rung:
        state.raised_at, state.settled_at = now, now + SETTLE
    elif not recent and now > state.retry_at + TRIED:
        state.backoff = FIRST_BACKOFF
    if rung == PAUSED and state.rung != PAUSED:
        state.paused_at = now
    state.rung = rung
