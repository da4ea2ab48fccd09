"""Every page and state, as an office sees it: free of axe's complaints at both sizes, and pictured.

The pictures lie in ``<basetemp>/screens``; ``make screens`` lays them into ``docs/screens``.
"""

from __future__ import annotations

import asyncio
import email.policy
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from devices import BLUE, GREEN, RED
from guest import FLAGS, Guest, guest
from onlooker import until
from playwright.async_api import Page, Playwright
from portal import Portal
from scenes import COMMUNE, OFFICE, WARD, Scene, film

from bench.product import ROOT, Product

pytestmark = pytest.mark.journey

SIZES = ((1366, 768), (390, 844))
AXE = (ROOT / "web/client/node_modules/axe-core/axe.min.js").read_text
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


@dataclass
class Looker:
    """Looks at a page in both sizes: runs axe, keeps a picture and what axe has to complain of."""

    folder: Path
    complaints: list[str] = field(default_factory=list[str])

    async def look(self, page: Page, name: str) -> None:
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            await page.wait_for_timeout(700)
            await page.evaluate(AXE())
            found: Any = await page.evaluate("rules => window.axe.run(document, rules)", RULES)
            self.complaints += [
                f"{name} at {width}: {v['id']} {[node['html'][:160] for node in v['nodes']][:3]}"
                for v in found["violations"]
            ]
            await page.screenshot(path=self.folder / f"{name}-{width}.png")
        await page.set_viewport_size({"width": 1366, "height": 768})


@pytest.fixture(scope="module")
def looker(tmp_path_factory: pytest.TempPathFactory) -> Looker:
    folder = tmp_path_factory.getbasetemp() / "screens"
    folder.mkdir(exist_ok=True)
    return Looker(folder)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, list[str]]]:
    """The demo, filled by its command and then started: the product and the one-time links it printed."""
    var = tmp_path_factory.mktemp("office") / "var"
    done = subprocess.run(
        [sys.executable, "server.py", "demo"],
        cwd=ROOT,
        env={"NGHISU_VAR": str(var), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    product = Product(var).wait_ready()
    yield product, [f"{product.url}/welcome/{token}" for token in re.findall(r"/welcome/(\S+)", done.stdout)]
    assert product.stop() == 0, "\n".join(product.output)


async def test_the_join_path_works_by_keyboard_alone(office: tuple[Product, list[str]], playwright: Playwright) -> None:
    product, _ = office
    browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS])
    page = await (await browser.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")).new_page()
    ticket = await asyncio.to_thread(mailed, product.var / "outbox", "tam@hnn.example")
    await page.goto(f"{product.url}/join/{ticket}")
    await page.get_by_role("button", name="Vào họp", exact=True).wait_for()
    await reach(page, "checkbox", "Tôi đã được thông báo việc ghi hình")
    await page.keyboard.press("Space")
    assert await page.get_by_role("checkbox", name="Tôi đã được thông báo việc ghi hình").is_checked()
    await reach(page, "button", "Vào họp")
    await page.keyboard.press("Enter")
    await (
        page.get_by_role("toolbar", name="Điều khiển phòng họp")
        .or_(page.get_by_label("Điều khiển phòng họp"))
        .first.wait_for()
    )
    await reach(page, "button", "Rời họp")
    await page.keyboard.press("Enter")
    await browser.close()


async def test_every_page_of_an_office_passes_axe_at_both_sizes(
    office: tuple[Product, list[str]], playwright: Playwright, looker: Looker, tmp_path: Path
) -> None:
    product, (clerk_link, chair_link) = office
    async with AsyncExitStack() as stack:
        scenes: list[tuple[str, Scene, Any]] = [
            ("chair", OFFICE, BLUE),
            ("north", COMMUNE, RED),
            ("south", WARD, GREEN),
        ]
        chair, north, south = [
            await stack.enter_async_context(guest(playwright, name, device, tmp_path, film=film(scene, name, tmp_path)))
            for name, scene, device in scenes
        ]
        clerk = await stack.enter_async_context(
            guest(playwright, "clerk", BLUE, tmp_path, film=film(OFFICE, "c", tmp_path))
        )
        await look_at_the_doors(product, looker, north.page)
        desk = Portal(clerk.page, product.url)
        await desk.welcome(clerk_link)
        await look_at_the_portal(desk, looker)
        await Portal(chair.page, product.url).welcome(chair_link)
        await look_at_the_room(desk, (chair, clerk, north, south), looker)
    assert looker.complaints == []


async def look_at_the_doors(product: Product, looker: Looker, page: Page) -> None:
    assert product.first_link is not None
    await page.goto(product.first_link)
    await page.get_by_label("Họ và tên").wait_for()
    await looker.look(page, "welcome")
    await page.goto(f"{product.url}/sign-in")
    await page.get_by_label("Tên đăng nhập").wait_for()
    await looker.look(page, "sign-in")
    await page.goto(f"{product.url}/join/khong-dung")
    await page.get_by_role("heading", level=1).wait_for()
    await looker.look(page, "join-refused")
    administrator = Portal(page, product.url)
    await administrator.welcome(product.first_link, "quantri", "Quản trị")
    await administrator.go("/system")
    await page.get_by_role("heading", name="Tài khoản").wait_for()
    await looker.look(page, "system")
    await page.context.clear_cookies()


async def look_at_the_portal(desk: Portal, looker: Looker) -> None:
    page = desk.page
    lists: Any = await page.evaluate(
        "async () => Object.fromEntries(await Promise.all(['upcoming', 'minutes', 'done'].map("
        "async tab => [tab, (await (await fetch(`/api/meetings?tab=${tab}`)).json()).meetings])))"
    )
    ahead, over = lists["upcoming"][0]["id"], (lists["done"] or lists["minutes"])[0]["id"]
    pages = {
        "today": "/",
        "meetings": "/meetings",
        "dossier": f"/meetings/{ahead}",
        "compose": f"/meetings/{ahead}/edit",
        "archives": "/archive",
        "archive": f"/archive/{over}",
        "minutes": f"/meetings/{over}/minutes",
        "units": "/units",
        "outbox": "/outbox",
        "account": "/account",
        "not-found": "/khong-co",
    }
    for name, path in pages.items():
        await desk.go(path)
        await page.get_by_role("heading", level=1).first.wait_for()
        await page.wait_for_load_state("networkidle")
        if name == "archive":
            await page.get_by_role("button", name=re.compile("^2|Giải|Tiến")).first.click()
        await looker.look(page, name)


async def look_at_the_room(desk: Portal, guests: tuple[Guest, Guest, Guest, Guest], looker: Looker) -> None:
    chair, clerk, north, south = guests
    tickets = {name: await invited(desk, f"{name}@hnn.example") for name in ("hoa", "bao")}
    await north.page.goto(tickets["hoa"])
    await north.page.get_by_role("button", name="Vào họp", exact=True).wait_for()
    await looker.look(north.page, "join")
    for officer in (chair, clerk):
        await officer.page.goto(f"{desk.url}/")
        await officer.press("Vào họp")
        await officer.page.wait_for_url(re.compile("/join/"))
        await officer.take_seat()
    await north.take_seat()
    await south.join(tickets["bao"])
    await chair.press("Khai mạc")
    await chair.press("Bắt đầu ghi")
    await chair.press("Nội dung tiếp")
    await south.press("Đăng ký phát biểu")
    await north.press("Đăng ký phát biểu")
    await chair.press(re.compile("^Mời nói: UBND xã"))
    for each in (chair, south):
        await until(partial(each.picture, "stage-video"), lambda p: bool(p and p["site"]), f"a stage at {each.name}")
    await asyncio.sleep(2)
    await clerk.press("Đánh dấu")
    await clerk.page.keyboard.press("Escape")
    for each, name in ((south, "room"), (north, "room-speaker"), (chair, "room-chair"), (clerk, "room-secretary")):
        await looker.look(each.page, name)
    for tab, name in (("Nội dung", "room-chair-agenda"), ("Điểm danh", "room-chair-roll")):
        await chair.press(re.compile(f"^{tab}"), role="tab")
        await looker.look(chair.page, name)
    await chair.press("Rời họp")
    await looker.look(chair.page, "room-leave")
    await chair.press("Kết thúc họp cho tất cả")
    await south.page.get_by_text("Cuộc họp đã kết thúc").first.wait_for()
    await looker.look(south.page, "room-ended")


async def invited(desk: Portal, email: str) -> str:
    await desk.go("/outbox")
    letter = desk.page.get_by_role("link", name=re.compile(email)).or_(
        desk.page.get_by_role("button", name=re.compile(email))
    )
    await letter.first.click()
    address = await desk.page.locator('a[href*="/join/"]').first.get_attribute("href")
    assert address
    return f"{desk.url}/join/{address.rpartition('/')[2]}"


def mailed(outbox: Path, address: str) -> str:
    """The ticket in the letter to this address."""
    for path in outbox.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        if address in str(message["To"]) and body and (found := re.search(r"/join/(\S+)", body.get_content())):
            return found[1]
    raise LookupError(address)


async def reach(page: Page, role: Any, name: str) -> None:
    """Presses Tab until the control has the focus, and sees that the focus shows."""
    control = page.get_by_role(role, name=name, exact=True).first
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await control.evaluate("e => e === document.activeElement"):
            shown = await control.evaluate("e => e.matches(':focus-visible')")
            assert shown, f"{name} has an unseen focus"
            return
    raise AssertionError(f"{name} is not reached by Tab")
