"""When a packet was spoken or filmed: its RTP time stamp laid onto the relay's arrival clock (ADR 0005).

Arrival alone jitters with the network; RTP time alone drifts against every other clock. The least of (arrival - RTP
time) over the last seconds is the path without queues; the offset in use follows it slowly, so the picture neither
jumps nor drifts away from the sound. Pure; all times are whole microseconds.
"""

from __future__ import annotations

from collections import deque

BUCKET = 1_000_000
"""Length of the span of which one least value is kept."""
BUCKETS = 6
SLEW = 0.005
"""The offset follows at most this fast: 5 ms in a second, fifty times the drift of a bad crystal."""
SETTLING = 1_000_000
"""In the first second the offset takes a lower value at once: the first packets may have queued."""
JUMP = 1_000_000
"""RTP time that departs this far from the arrivals is another clock: begin anew."""


class TrackClock:
    """One stream's clock. Call ``time`` for every frame, in order of its time stamps."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._last_stamp: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._ticks = 0
        self._offset: float | None = None
        self._begun = self._last_arrival = 0
        self._least: deque[tuple[int, int]] = deque(maxlen=BUCKETS)

    def time(self, stamp: int, arrival: int) -> int:
        """The moment of the frame on the arrival clock. ``stamp`` is the 32-bit RTP time stamp."""
        if self._last_stamp is not None:
            step = ((stamp - self._last_stamp + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
            ahead = step * 1_000_000 // self._rate - (arrival - self._last_arrival)
            if ahead > JUMP or step < -self._rate:
                self._restart()
            else:
                self._ticks += step
        self._last_stamp, self._last_arrival = stamp, arrival
        spoken = self._ticks * 1_000_000 // self._rate
        self._observe(arrival - spoken, arrival, spoken)
        assert self._offset is not None
        return spoken + round(self._offset)

    def _observe(self, delay: int, arrival: int, spoken: int) -> None:
        """Takes one sample of (arrival - RTP time)."""
        bucket = arrival // BUCKET
        if self._least and self._least[-1][0] == bucket:
            self._least[-1] = (bucket, min(self._least[-1][1], delay))
        else:
            self._least.append((bucket, delay))
        target = min(least for _, least in self._least)
        if self._offset is None:
            self._offset, self._begun, self._slewed = float(delay), arrival, spoken
        elif abs(target - self._offset) > JUMP or (target < self._offset and arrival - self._begun < SETTLING):
            self._offset = float(target)
        else:
            reach = max(0, spoken - self._slewed) * SLEW
            self._offset += max(-reach, min(reach, target - self._offset))
        self._slewed = spoken
