"""Real Chromium on poor lines: what the other site sees and hears, and for how long it does not.

Product and browsers run unchanged in network namespaces (``tests/net``); ``docs/networks.md`` says what each figure
means. Needs root, ``ip``, ``tc`` and ``nft``: raises ``BedUnavailable`` where they are missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench.networks.stand import standing
from bench.networks.table import CASES, QUICK, Side

SETTLES = 12
"""Seconds for which the steady side has been there before the first case: its sender has found its bit rate by then."""


def names() -> list[str]:
    return [case.name for case in CASES]


def cases(*, quick: bool, only: str | None = None) -> Iterator[dict[str, Any]]:
    """One mapping per case and side; ``only`` is the name of one case."""
    chosen = [case for case in CASES if case.name == only] if only else QUICK if quick else CASES
    sides: tuple[Side, ...] = ("receiver", "sender")
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        standing(playwright, Path(folder)) as stand,
    ):
        for side in sides:
            mine = [case for case in chosen if side in case.sides]
            if mine:
                stand.settle(side, seconds=0 if quick else SETTLES)
            for case in mine:
                yield stand.run(case, side).report()
