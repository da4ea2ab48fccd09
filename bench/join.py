"""From the click on *Vào họp* to the first decoded frame of somebody else, in a Chromium of its own for each join."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from bench.office import CHAIR, NORTH, Office
from bench.product import Product

PATIENCE_MS = 30_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


def cases(*, quick: bool) -> Iterator[dict[str, Any]]:
    """One case: milliseconds over 20 joins (6 when quick)."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        product = Product(Path(folder)).wait_ready()
        try:
            assert product.first_link is not None
            office = Office.found(product.url, product.first_link)
            office.convene((CHAIR, NORTH))
            camera = _camera(Path(folder))
            times = list(_times(playwright, office, camera, joins=6 if quick else 20))
        finally:
            product.stop()
    ordered = sorted(times)
    yield {
        "case": "join",
        "joins": len(times),
        "p50_ms": statistics.median(ordered),
        "p95_ms": ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))],
        "max_ms": ordered[-1],
    }


def _camera(folder: Path) -> Path:
    """A moving picture of 640×360, 15 a second: two browsers encode and decode it on two cores."""
    path = folder / "camera.mjpeg"
    film = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=15:d=4", "-pix_fmt", "yuvj420p", "-q:v", "5")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *film, str(path)], check=True)
    return path


def _times(playwright: Playwright, office: Office, camera: Path, *, joins: int) -> Iterator[float]:
    chair = _browser(playwright, camera)
    try:
        _join(chair.new_page(), office.tickets[CHAIR])
        for _ in range(joins):
            guest = _browser(playwright, camera)
            try:
                page = guest.new_page()
                _join(page, office.tickets[NORTH])
                seen, clicked = _mark(page, "first-remote-frame"), _mark(page, "join-click")
                yield seen - clicked
            finally:
                guest.close()
    finally:
        chair.close()


def _browser(playwright: Playwright, camera: Path) -> Browser:
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)


def _join(page: Page, ticket: str) -> None:
    """As somebody does who reads the page for a moment before the click."""
    page.goto(ticket)
    page.get_by_role("checkbox", name="Tôi đã được thông báo việc ghi hình").check()
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Vào họp").first.click()


def _mark(page: Page, name: str) -> float:
    """When the page made this mark, in its own milliseconds; waits for it."""
    for _ in range(PATIENCE_MS // 50):
        at = page.evaluate("name => performance.getEntriesByName(`nghisu.${name}`)[0]?.startTime ?? null", name)
        if at is not None:
            return float(at)
        page.wait_for_timeout(50)
    raise TimeoutError(name)
