"""What a line does to packets, as a value, and how that is said to ``tc`` and ``nft``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Blocked = Literal["nothing", "udp", "all but 443/tcp"]
SMALLEST_BURST = 3_200
"""Bytes: two full packets and their link headers; tbf passes nothing that is larger than its bucket."""


@dataclass(frozen=True)
class Line:
    """The same each way. ``rate`` in bit/s (``None``: no limit), behind a queue of ``queue_ms`` that loses
    what is more; ``loss`` a share from 0 to 1; every packet waits ``delay_ms`` and a random part of ``jitter_ms``, and
    none overtakes another.
    """

    rate: int | None = None
    queue_ms: int = 300
    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    blocked: Blocked = "nothing"

    def tbf(self) -> tuple[str, ...]:
        """Parameters of tc-tbf(8). The bucket holds 5 ms, so that a fast line is not slowed by its timer."""
        assert self.rate is not None
        burst = max(SMALLEST_BURST, self.rate // 8 // 200)
        return ("rate", f"{self.rate}bit", "burst", str(burst), "latency", f"{self.queue_ms}ms")


CLEAN = Line()


def ruleset(line: Line) -> str:
    """The whole table of nft(8) for a machine that forwards between ``site`` and ``centre``; replaces the one before.

    A packet from the delay comes by its device and is not judged a second time.
    """
    rules: list[str] = []
    for side, port in (("site", "dport"), ("centre", "sport")):
        if line.blocked == "udp":
            rules.append(f'iifname "{side}" meta l4proto udp counter drop')
        elif line.blocked == "all but 443/tcp":
            rules.append(f'iifname "{side}" meta l4proto != tcp counter drop')
            rules.append(f'iifname "{side}" tcp {port} != 443 counter drop')
        if line.loss:
            rules.append(f'iifname "{side}" numgen random mod 100000 < {round(line.loss * 100_000)} counter drop')
    body = "\n    ".join(["type filter hook forward priority 0", *rules])
    return f"table inet line\ndelete table inet line\ntable inet line {{\n  chain forward {{\n    {body}\n  }}\n}}\n"
