"""One Chromium inside a namespace: joins by the ticket of its seat, and samples its media."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, Playwright

from bench.join import FLAGS
from bench.networks.samples import Sample, samples
from tests.net.namespace import Namespace
from tests.net.tools import program

SAMPLER = Path(__file__).with_name("sampler.js")
PATIENCE_MS = 60_000
READS_MS = 1000
TRUSTS = "--ignore-certificate-errors"
"""The product made its certificate itself; the switch holds for TURN over TLS too, where a page can ask for nothing."""


class Visitor:
    """Runs until ``close``. ``film`` and ``sound`` are its camera and microphone."""

    def __init__(self, playwright: Playwright, namespace: Namespace, folder: Path, film: Path, sound: Path) -> None:
        self._browser = playwright.chromium.launch(
            executable_path=_inside(namespace, folder),
            args=[
                *FLAGS,
                TRUSTS,
                f"--use-file-for-fake-video-capture={film}",
                f"--use-file-for-fake-audio-capture={sound}",
            ],
        )
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        assert self._page, "nobody has opened a page yet"
        return self._page

    def open(self, ticket: str) -> None:
        """A new page without a past, at the ticket; the one before is gone."""
        self.leave()
        context = self._browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="vi-VN", ignore_https_errors=True
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(path=SAMPLER)
        self._page = context.new_page()
        self._page.goto(ticket)
        self._page.get_by_role("checkbox", name="Tôi đã được thông báo việc ghi hình").check()
        self._page.wait_for_timeout(READS_MS)

    def join(self) -> float:
        """The click on *Vào họp*. Returns its moment, in ms since 1970."""
        self.page.get_by_role("button", name="Vào họp").first.click()
        return float(self.page.evaluate("window.sampler.mark('join-click')"))

    def take(self) -> list[Sample]:
        """The samples since the last taking."""
        return samples(self.page.evaluate("window.sampler.take()"))

    def leave(self) -> None:
        if self._page:
            self._page.context.close()
            self._page = None

    def close(self) -> None:
        self._browser.close()


def _inside(namespace: Namespace, folder: Path) -> Path:
    """A program that is Chromium inside the namespace."""
    script = folder / f"chromium-{namespace.name}"
    script.write_text(f'#!/bin/sh\nexec {program("ip")} netns exec {namespace.name} {program("chromium")} "$@"\n')
    script.chmod(0o755)
    return script
