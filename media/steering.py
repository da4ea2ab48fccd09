"""Steers what one receiver is sent: its estimate, its probes, and the layers that fit into what its path carries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from media import allocator, clock, feedback
from media.allocator import PAUSED, Claim, Rung, SlotState
from media.encoding import Encoding
from media.estimate import MOST, START, Estimate
from media.fan import TOP
from media.messages import Look
from media.probe import Probe, RepairBudget
from media.producer import Producer
from media.sendlog import SendLog
from media.slot import Slot

SOUND = 40_000
"""Bit/s that one slot of sound may take."""
LOST = 500_000
"""What the receiver has not told of after so many microseconds has been lost."""
REST = 2_000_000
"""Microseconds after which even who has all that is allowed is looked at again: what was refused may be tried anew."""
DRAIN = 0.75
"""What of the target is taken by who has to go down while a queue stands: a key frame comes, and has to pass it."""
ROOM = 1.3
"""With so much to spare nothing is looked for."""
PACE = 0.006
"""Seconds between two portions of a probe."""
HEARTBEAT = 200
"""Octets of padding while a picture is paused and nothing else is sent: without feedback nothing could be found out."""
EVERYTHING = Look("", "")


class Steering:
    """``numbered``: the receiver reports transport-wide arrivals; without them only REMB limits what it is sent.

    ``slots`` are in the order of importance: the stage first.
    """

    def __init__(self, slots: Iterable[Slot], log: SendLog, lane: int, *, numbered: bool, now: int) -> None:
        self._slots = {slot.name: slot for slot in slots if slot.receiving.kind == "video"}
        self._states = {name: SlotState() for name in self._slots}
        self._log, self._lane, self._numbered = log, lane, numbered
        self.estimate = Estimate(now, START if numbered else MOST)
        self.repairs = RepairBudget(self.estimate, now)
        self._probe = Probe(log, lane, now)
        self._paying: asyncio.TimerHandle | None = None
        self._wanted = self._spent = self._drops = self._sounds = 0
        self._rests_until = 0
        self._paused = False
        self._look: Look | None = None
        self._rest: tuple[Look | None, list[Any]] = (None, [()] * len(self._slots))

    def renew(self, now: int) -> None:
        """The receiver is reached by another path: what was found of the old one is void."""
        self.close()
        self._log.deliveries[self._lane].cluster = None
        self.estimate = Estimate(now, START if self._numbered else MOST)
        self.repairs = RepairBudget(self.estimate, now)
        self._probe = Probe(self._log, self._lane, now)
        self._drops = 0

    # -- What the receiver reports

    def heed(self, body: bytes, now: int) -> None:
        """A transport-wide feedback, without its first four octets."""
        delivery = feedback.read(self._log, self._lane, body, now)
        if delivery is not None:
            estimate = self.estimate
            estimate.heed(delivery, now)
            if delivery.cluster is not None and self._probe.heed(estimate, now):
                self.adapt(self._sounds, now)
            if estimate.drops != self._drops:
                self._drops = estimate.drops
                if estimate.target < self._spent:
                    self.adapt(self._sounds, now, fallen=True)

    # -- What is shown

    def show(self, wanted: Mapping[str, Producer | None], look: Look | None, sounds: int, now: int) -> None:
        """From now on these producers are wanted in the slots of these names."""
        changed = look is not self._look
        for name, slot in self._slots.items():
            producer = wanted.get(name)
            if producer is slot.wanted:
                continue
            changed = True
            if producer is not None:
                self._states[name].switched(now)
                self.estimate.blind(now)
            slot.want(producer)
        self._look = look
        if changed or sounds != self._sounds:
            self.adapt(sounds, now)

    def adapt(self, sounds: int, now: int, *, fallen: bool = False) -> None:
        """Some times a second: lets every slot have the best layer for which there is room.

        ``fallen``: the path has just shown that it is too full, and its queue has to go.
        """
        estimate = self.estimate
        self._sounds = sounds
        if self._numbered:
            estimate.tick(now, self._log.waiting(self._lane, now))
        if self._at_rest(now):
            return
        shown = [
            (slot, self._states[name])
            for name, slot in self._slots.items()
            if slot.wanted is not None and any(rung.bitrate for rung in slot.wanted.ladder)
        ]
        claims = [_claim(slot, state, self._look or EVERYTHING) for slot, state in shown]
        budget = estimate.target
        if not estimate.drops:
            budget = max(budget, SOUND * sounds + sum(_lowest(claim) for claim in claims))
        crowded = estimate.target < self._spent
        if fallen:
            budget = int(DRAIN * budget)
        blamed = not self._probe.shadows(now)
        allocation = allocator.allocate(budget, SOUND * sounds, claims, now, crowded=estimate.crowded, blamed=blamed)
        for (slot, _), claim, place in zip(shown, claims, allocation.rungs, strict=True):
            if place == PAUSED:
                slot.pause()
            elif slot.wanted is not None:
                encoding, limit = _coming(slot, slot.wanted, claim.ladder[place])
                if not crowded and (slot.aim is None or slot.aim[0] is not encoding):
                    estimate.blind(now)
                slot.aim_at(encoding, limit, at_once=crowded)
        self._wanted, self._spent = allocation.wanted, allocation.spent
        self._paused, self._rests_until = PAUSED in allocation.rungs, now + REST
        self._rest = self._look, [slot.wanted and slot.wanted.ladder for slot in self._slots.values()]
        if self._numbered and self._probe.due(now, estimate, self._wanted) is not None:
            self._pay()
        elif self._numbered and self._paused and not 0 < self._log.waiting(self._lane, now) < LOST:
            self._pad(HEARTBEAT, now)

    def _at_rest(self, now: int) -> bool:
        """Whether all have what they want with room to spare, and nothing has changed since that was found."""
        if (
            self._wanted
            or self._paused
            or now >= self._rests_until
            or self.estimate.target < self._spent * ROOM
            or self._log.deliveries[self._lane].cluster is not None
        ):
            return False
        before, ladders = self._rest
        return self._look is before and all(
            (slot.wanted.ladder if slot.wanted is not None else None) is ladder
            for slot, ladder in zip(self._slots.values(), ladders, strict=True)
        )

    def close(self) -> None:
        if self._paying is not None:
            self._paying.cancel()

    def facts(self) -> dict[str, Any]:
        """For operators; bit/s, milliseconds, and a fraction."""
        estimate = self.estimate
        return {
            "estimate": estimate.target,
            "delivered": estimate.rate,
            "wanted": self._wanted,
            "queue_ms": estimate.standing // 1000,
            "loss": round(estimate.loss, 3),
        }

    def _pad(self, octets: int, now: int) -> int:
        """Sends padding in the first slot that can; returns how many octets."""
        return next((paid for slot in self._slots.values() if (paid := slot.pad(octets, now))), 0)

    def _pay(self) -> None:
        """Sends the next portion of the probe's padding."""
        self._paying = None
        now = clock.now()
        owed = self._probe.owed(now)
        if owed > 0:
            self._pad(owed, now)
        if self._probe.running:
            self._paying = asyncio.get_running_loop().call_later(PACE, self._pay)


def _coming(slot: Slot, producer: Producer, rung: Rung) -> tuple[Encoding, int]:
    """What feeds the slot now: the chosen rung, or the best smaller picture until the chosen one comes."""
    chosen = producer.encodings[rung.spatial]
    smaller = [encoding for encoding in producer.encodings[: rung.spatial] if encoding.live]
    if chosen.live or not smaller:
        slot.wish(None)
        return chosen, rung.temporal
    slot.wish(chosen)
    return smaller[-1], TOP


def _lowest(claim: Claim) -> int:
    return next((rung.bitrate for rung in claim.ladder if rung.bitrate), 0)


def _claim(slot: Slot, state: SlotState, look: Look) -> Claim:
    """No larger picture is worth sending than the size in which the slot is shown."""
    assert slot.wanted is not None
    ladder = slot.wanted.ladder
    shown = look.stage_height if slot.name.startswith("stage") else look.tile_height
    heights = list({rung.spatial: rung.height for rung in ladder}.values())
    return Claim(state, ladder, allocator.layer_for(shown, heights) if all(heights) else len(heights) - 1)
