"""How many bits per second a receiver's path carries: the sender's estimate.

Congestion control for interactive media after the requirements of RFC 8836, built of known parts:

- **Delay.** Arrival − send time of the least delayed packet is the path's base delay plus a *standing queue*: the least
  over two tenths of a second, so that a frame's own burst does not show (RFC 8289 section 3). The base is the least of
  the last 12–24 s, so that clocks may drift apart by 500 ppm. A standing queue beyond a threshold that still grows
  means overuse: the estimate becomes β × what is being delivered, β = 0.9, because a full link delivers its capacity.
  Until the queue is gone, the target lies below the estimate by its length (drained in about a second, as in RFC 8698
  section 4.3). The threshold follows competing traffic (draft-ietf-rmcat-gcc-02 section 5.4).
- **A queue that is not ours** (another route, a greedy neighbour) does not shrink when we send less. When more has been
  held back than it could hold, its delay becomes the base: the estimate does not starve.
- **Loss.** Much loss without a queue is put on trial: the target falls below what is delivered, and if the loss does
  not, it is the path's own and is subtracted from then on. Little loss that stays the same is the path's own too.
- **Rise.** 8 % a second (draft-ietf-rmcat-gcc-02 section 5.5), 25 % while more than the estimate is delivered, 3 %
  near the rate at which the link was last full, never beyond 1.25 × what is delivered: leaps are for ``probe.py``.
  Nothing decays while nothing is sent.

Times are in µs, rates in bit/s. Pure; time is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media.sendlog import Delivery

START = 250_000
LEAST, MOST = 30_000, 20_000_000

JUDGED = 90_000
"""Least time between two judgements of what feedback told."""
FEW = 2_500
"""Octets between two judgements that are too few to tell a pace."""
SMOOTHED, FORGOTTEN = 400_000, 60_000_000
"""How long the rate looks back, and how long the best rate is remembered."""
BASE_WINDOW = 12_000_000
FAR = 1 << 62

LOW_THRESHOLD, HIGH_THRESHOLD = 40_000, 90_000
"""Between these lies the standing queue that is still borne."""
EFFECT = 400_000
"""Packets sent so long after a queue had been noticed were sent at the lower target."""
STUBBORN = 6
"""A queue that grows over so many judgements though we send a third less than before grows by a neighbour's packets."""
CONTESTED = 10_000_000
"""For how long only loss is heeded then, as the neighbour does."""
RELAXED = 20_000
"""Up to this standing queue the estimate may rise."""
GROWTH = 2_000
"""A standing queue that is longer by so much than at the judgement before is growing."""
EXTREME = 400_000
"""A standing queue that is heeded even while the estimate is blind."""

SHRUNK = 10_000
"""A queue that became shorter by so much is ours."""
PROOF = 300_000
"""What must have been held back beyond the queue's length before the queue is taken for the path's own delay."""

BETA = 0.9
RISE, RISE_NEAR, RISE_SEEN, ROOM = 0.08, 0.03, 0.25, 1.25
SILENCE = 500_000

LOSS_WINDOW, LOSS_PACKETS = 1_000_000, 40
SUSPECT, TRIED, OWN_AT_MOST = 0.03, 0.12, 0.3
"""Loss beyond the path's own: up to the first the estimate rises, beyond the second it is put on trial."""
PATIENCE = 3
"""Windows after which moderate loss without a queue is the path's own."""
MISTRUST = 30_000_000
"""For how long loss is not taken for the path's own after a trial that showed it was not."""


class Estimate:
    """``target`` is what may be sent. ``rate`` is what is delivered, ``standing`` the queue, ``loss`` a fraction.

    ``drops`` counts how often the estimate had to fall because the link was full.
    """

    __slots__ = (
        "_arrival",
        "_base",
        "_base_before",
        "_base_now",
        "_base_since",
        "_best",
        "_blind_until",
        "_ceiling",
        "_contested_until",
        "_estimate",
        "_full_at",
        "_full_rate",
        "_full_since",
        "_full_standing",
        "_growths",
        "_heard",
        "_held",
        "_held_standing",
        "_judged",
        "_least",
        "_loss_since",
        "_lost",
        "_low",
        "_octets",
        "_own",
        "_own_after",
        "_patience",
        "_pull",
        "_received",
        "_remb",
        "_sent",
        "_share",
        "_silent",
        "_threshold",
        "_trial",
        "drops",
        "loss",
        "queue",
        "rate",
        "standing",
        "target",
    )

    def __init__(self, now: int, start: int = START) -> None:
        self.target, self.rate, self.loss, self.drops = start, 0, 0.0, 0
        self.queue = self.standing = 0
        self._estimate, self._pull, self._ceiling = float(start), 1.0, 0
        self._base = self._base_now = self._base_before = self._least = FAR
        self._base_since = self._judged = self._loss_since = now
        self._arrival = self._sent = self._octets = 0
        self._low, self._threshold = 0, LOW_THRESHOLD
        self._blind_until = self._contested_until = self._best = self._held = 0
        self._full_at = -LOSS_WINDOW * 2
        self._growths = self._full_rate = self._held_standing = self._full_since = self._full_standing = 0
        self._received = self._lost = self._patience = 0
        self._own, self._own_after = 0.0, 0
        self._trial: tuple[float, float, float] | None = None
        self._remb, self._share = 0, 1.0
        self._heard = self._silent = now

    def heed(self, delivery: Delivery, now: int) -> None:
        """What a transport-wide feedback told."""
        self._heard = now
        self._received += delivery.received
        self._lost += delivery.lost
        self._octets += delivery.octets
        if delivery.timed:
            delay = delivery.delay
            self.queue = delay - self._base
            if delay < self._least:  # noqa: PLR1730, a call of min would cost a fifth of the whole
                self._least = delay
            if now - self._judged >= JUDGED:
                self._judge(delivery.sent_last, delivery.arrival_last, now)

    def heed_remb(self, bitrate: int, now: int) -> None:
        """What a receiver without transport-wide feedback thinks itself (draft-alvestrand-rmcat-remb)."""
        self._remb, self._heard = bitrate, now
        self._aim(bitrate * self._share)

    def heed_loss(self, fraction: float, now: int) -> None:
        """What a receiver report told of loss; heeded only together with ``heed_remb``, whose sender knows the delay.

        As in draft-ietf-rmcat-gcc-02 section 6, but loss alone takes no more than half.
        """
        if not self._remb:
            return
        self.loss += (fraction - self.loss) / 2
        if self.loss > TRIED:
            self._share = max(0.5, self._share * (1 - self.loss / 2))
        elif self.loss < SUSPECT:
            self._share = min(1.0, self._share * 1.05)
        self._aim(self._remb * self._share)

    def tick(self, now: int, waiting: int) -> None:
        """Several times a second. ``waiting`` is for how long a packet has been told nothing of, 0 for none.

        Half a second of silence takes a quarter, and each further half second again.
        """
        if waiting > SILENCE and now - max(self._heard, self._silent) > SILENCE:
            self._silent = now
            self.drops += 1
            self._aim(self._estimate * 0.75)

    def blind(self, now: int, span: int = 1_000_000) -> None:
        """For so long a queue is no sign of overuse: a key frame is on its way, or a probe. Not where one stands."""
        if self.standing <= LOW_THRESHOLD:
            self._blind_until = max(self._blind_until, now + span)

    def clear(self, now: int) -> bool:
        """Whether the path looks fit for a probe: feedback comes, no queue, no strange loss."""
        return (
            now - self._heard < SILENCE
            and self._base < FAR
            and self.standing <= RELAXED
            and self.loss - self._own < TRIED
            and self._trial is None
        )

    @property
    def crowded(self) -> bool:
        """Whether a queue stands, whoever made it."""
        return self.standing > LOW_THRESHOLD

    def over_base(self, delay: int) -> int:
        """How long a queue a packet met that took so long."""
        return delay - self._base

    def prove(self, rate: int) -> None:
        """A probe has shown that the path carries ``rate``."""
        if rate > self._estimate:
            self._ceiling = 0
            self._aim(rate)

    def disprove(self, rate: int) -> None:
        """A probe has filled the path, which carried no more than ``rate``."""
        if rate < self._estimate:
            self._ceiling = rate
            self._aim(max(rate, BETA * self._estimate))

    def _judge(self, sent: int, arrival: int, now: int) -> None:
        """Measures what was delivered since the last judgement, and the queue; then falls, holds or rises."""
        passed, octets, least, span = now - self._judged, self._octets, self._least, arrival - self._arrival
        self._judged, self._octets, self._least = now, 0, FAR
        if self._base == FAR or span <= 0:
            self._arrival, self._base, self._base_now = arrival, least, least
            self._sent = sent
            return
        offered_in, self._arrival, self._sent = sent - self._sent, arrival, sent
        delivered = octets * 8_000_000 // span
        known = span < SMOOTHED and self.rate
        rate = self.rate = self.rate + (delivered - self.rate) * span // SMOOTHED if known else delivered
        if rate > self._best:
            self._best = rate
        elif now - self._contested_until > 2 * CONTESTED:
            self._best -= self._best * passed // FORGOTTEN
        if least < self._base_now or now - self._base_since >= BASE_WINDOW:
            self._rebase(least, now)
        low, before, threshold = least - self._base, self._low, self._threshold
        standing = self.standing = before if before < low < 3 * threshold else low
        self._low = low
        contested = now < self._contested_until and standing < EXTREME
        if standing > threshold and not contested:
            if now >= self._blind_until or standing > EXTREME:
                offered = octets * 8_000_000 // max(1, offered_in)
                self._full(
                    min(delivered, rate) if octets > FEW else rate,
                    offered,
                    passed,
                    sent > self._full_since + EFFECT,
                    now,
                )
        else:
            self._calm(passed, relaxed=now >= self._blind_until and (standing <= RELAXED or contested))
        if now - self._loss_since >= LOSS_WINDOW and self._received + self._lost >= LOSS_PACKETS:
            self._assess(now)

    def _rebase(self, least: int, now: int) -> None:
        """The base is the least delay of the last two windows."""
        if now - self._base_since >= BASE_WINDOW:
            self._base_before, self._base_now, self._base_since = self._base_now, least, now
        else:
            self._base_now = least
        self._base = min(self._base_now, self._base_before)

    def _calm(self, passed: int, *, relaxed: bool) -> None:
        """No queue to speak of: the estimate rises."""
        self._full_since = 0
        if self._threshold > LOW_THRESHOLD:
            self._threshold -= (self._threshold - LOW_THRESHOLD) * min(passed, 1_000_000) // 10_000_000
        estimate, most = self._estimate, ROOM * self.rate
        if relaxed and estimate < most and self._trial is None and self.loss - self._own <= SUSPECT:
            near = 0.8 * self._ceiling < estimate < 1.1 * self._ceiling
            rise = RISE_NEAR if near else RISE_SEEN if estimate < self.rate else RISE
            risen = estimate * (1 + rise * min(passed, 1_000_000) / 1_000_000)
            estimate = min(risen, most, MOST)
        self._estimate, self._pull, self.target = estimate, 1.0, int(estimate)

    def _full(self, delivered: int, offered: int, passed: int, after: bool, now: int) -> None:
        """A standing queue: the estimate falls while it grows, and the target stays below until it is gone.

        ``after``: what was delivered was sent when the target was lower already, and tells whose the queue is.
        """
        standing, threshold = self.standing, self._threshold
        losing = self._lost > (self._own + SUSPECT) * (self._received + self._lost) + 1
        if not self._full_since:
            self._full_since, self._growths, self._held, self._held_standing = now, 0, 0, standing
            self._full_rate = max(self.rate, min(self._best, int(self._estimate)))
            if losing:
                self._fall(delivered, offered)
        elif standing > self._full_standing + GROWTH or (losing and standing > self._held_standing - SHRUNK):
            self._growths += after
            self._held, self._held_standing = 0, standing
            patience = STUBBORN if now - self._contested_until > 2 * CONTESTED else 1
            if self._growths > patience and self.rate < 0.7 * self._best:
                self._contested_until = now + CONTESTED
                self._calm(0, relaxed=False)
                return
            self._fall(delivered, offered)
        elif standing < self._held_standing - SHRUNK:
            self._growths, self._held, self._held_standing = 0, 0, standing
        elif after:
            self._growths = 0
            self._held += passed * max(0, self._full_rate - self.rate) // max(1, self._full_rate)
            if self._held > standing + PROOF:
                self._base = self._base_now = self._base_before = self._base + standing
                self.standing = self._low = 0
                self._calm(0, relaxed=False)
                return
        self._full_standing, self._full_at = standing, now
        self._threshold = min(HIGH_THRESHOLD, threshold + (standing - threshold) * min(passed, 1_000_000) // 5_000_000)
        self._pull = max(0.4, 1 - (standing - threshold) / 600_000)
        self._aim(self._estimate)

    def _fall(self, delivered: int, offered: int) -> None:
        fallen = BETA * delivered
        if offered < self._estimate / 2:
            fallen = max(fallen, self._estimate / 2)
        if fallen < self._estimate:
            self._estimate, self._ceiling = fallen, delivered
            self.drops += 1

    def _assess(self, now: int) -> None:
        """What the loss of the last window means."""
        loss = max(0, self._lost) / (self._received + self._lost)
        self._received, self._lost, self._loss_since = 0, 0, now
        self.loss += (loss - self.loss) / 2
        if self._trial is not None:
            self._try(loss, now)
            return
        excess = self.loss - self._own
        if excess < 0:
            self._own += excess / 4
        if excess <= SUSPECT:
            self._patience = 0
        elif excess > SUSPECT and self.standing > self._threshold / 2:
            self._aim(min(self._estimate, float(self.rate)))
        elif now - self._full_at < 2 * LOSS_WINDOW:
            self._patience = 0
        elif excess > TRIED:
            self._trial, self._patience = (loss, float(self.rate), self._estimate), 0
            self._aim(min(self._estimate, BETA * self.rate))
        else:
            self._patience += 1
            if self._patience >= PATIENCE and now > self._own_after:
                self._own, self._patience = min(self.loss, OWN_AT_MOST), 0

    def _try(self, loss: float, now: int) -> None:
        """Ends the trial once less is being sent; without a finding when nothing less can be sent."""
        assert self._trial is not None
        tried, rate, estimate = self._trial
        self._patience += 1
        if self.rate > 0.9 * rate:
            if self._patience >= PATIENCE:
                self._trial, self._patience = None, 0
            return
        self._trial, self._patience = None, 0
        if loss > 0.6 * tried:
            self._own = self.loss = min(OWN_AT_MOST, (loss + tried) / 2)
            self._aim(max(self._estimate, estimate))
        else:
            self.loss, self._own_after = loss, now + MISTRUST

    def _aim(self, estimate: float) -> None:
        self._estimate = min(max(estimate, LEAST), MOST)
        self.target = int(self._estimate * self._pull)
