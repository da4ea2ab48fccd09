"""The portal as somebody uses it: by the names of its fields and buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from playwright.async_api import Locator, Page

PASSWORD = "mot-mat-khau-rat-dai"
ITEMS = ("Kinh tế - xã hội tháng 11", "Tiến độ giải phóng mặt bằng")
VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Body:
    """A unit to enter into the directory. ``parent`` is the name of the unit above it."""

    name: str
    symbol: str
    parent: str = ""


@dataclass(frozen=True)
class Official:
    name: str
    title: str
    unit: str
    email: str


class Portal:
    """``page`` is a browser page that is signed in, once ``welcome`` or ``sign_in`` has been called."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        page.set_default_timeout(90_000)

    def field(self, label: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_label(label, exact=True).first

    async def press(self, name: str | re.Pattern[str], within: Locator | None = None, role: Any = "button") -> None:
        exact = isinstance(name, str)
        await (within or self.page).get_by_role(role, name=name, exact=exact).first.click()

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")

    async def welcome(self, link: str, username: str = "", name: str = "") -> None:
        """Takes a one-time link: the first administrator writes who they are as well."""
        await self.page.goto(link)
        if username:
            await self.field("Họ và tên").fill(name)
            await self.field("Tên đăng nhập").fill(username)
        await self.field("Mật khẩu").fill(PASSWORD)
        await self.press("Lưu và vào hệ thống")
        await self.page.get_by_role("heading", level=1).filter(has_text="ngày").wait_for()

    async def add_unit(self, body: Body) -> None:
        await self.go("/units")
        await self.press("Thêm đơn vị")
        await self.field("Tên đầy đủ", self.dialog).fill(body.name)
        await self.field("Ký hiệu văn bản", self.dialog).fill(body.symbol)
        await self.field("Địa danh", self.dialog).fill("Hà Nam Ninh")
        if body.parent:
            await self.field("Trực thuộc", self.dialog).select_option(label=body.parent)
        await self.press("Lưu", self.dialog)
        await self.page.get_by_text("Đã lưu đơn vị.").wait_for()

    async def add_person(self, official: Official) -> None:
        await self.go("/units")
        await self.press(re.compile(official.unit))
        await self.press("Thêm người")
        await self.field("Họ và tên", self.dialog).fill(official.name)
        await self.field("Chức vụ", self.dialog).fill(official.title)
        await self.field("Thư điện tử", self.dialog).fill(official.email)
        await self.press("Lưu", self.dialog)
        await self.page.get_by_text(official.name).first.wait_for()

    async def add_account(self, official: Official, username: str, office: str) -> str:
        """The one-time link that the page shows once."""
        await self.go("/system")
        await self.press("Thêm tài khoản")
        await self.field("Người trong danh bạ", self.dialog).select_option(label=f"{official.name}, {official.unit}")
        await self.field("Tên đăng nhập", self.dialog).fill(username)
        await self.field("Quyền", self.dialog).select_option(label=office)
        await self.press("Tạo và lấy đường dẫn", self.dialog)
        shown = self.page.get_by_role("dialog", name="Đường dẫn một lần").get_by_role("textbox")
        link = await shown.first.input_value()
        assert "/welcome/" in link
        return link

    async def convene(
        self, title: str, body: str, chair: Official, secretary: Official, offices: list[Official]
    ) -> str:
        """A meeting that begins now, with two items, a lobby and these sites. Returns its id."""
        await self.go("/meetings")
        await self.press("Tạo cuộc họp")
        await self.page.wait_for_url(re.compile("/edit$"))
        meeting = self.page.url.split("/")[-2]
        now = datetime.now(VIETNAM)
        await self.field("Tên cuộc họp").fill(title)
        for label, text in (("Ngày họp", f"{now:%d/%m/%Y}"), ("Từ", f"{now:%H:%M}"), ("Đến", "23:59")):
            await self.field(label).fill(text)
            await self.field(label).press("Tab")
        await self.field("Cơ quan mời họp").select_option(label=body)
        await self.field("Điểm cầu chính").fill("Phòng họp số 2")
        await self.field("Đầu mối liên hệ").fill("Hoàng Thị Nhàn, 0912 000 000")
        await self.field("Yêu cầu với đại biểu").fill("Chuẩn bị báo cáo theo chương trình.")
        await self.field("Người ký giấy mời").fill("Đỗ Minh Thuận")
        await self.field("Quyền hạn, chức vụ").fill("KT. CHÁNH VĂN PHÒNG")
        await self.choose("Chủ trì", chair)
        await self.choose("Thư ký", secretary)
        await self.unfold("Thành phần")
        await self.press("Thêm điểm cầu")
        await self.press("Người", self.dialog, role="tab")
        for office in offices:
            await self.dialog.get_by_role("checkbox", name=re.compile(office.name)).check()
        await self.press(f"Thêm {len(offices)} điểm cầu", self.dialog)
        await self.unfold("Chương trình")
        for number, item in enumerate(ITEMS, 1):
            await self.press("Thêm nội dung")
            await self.field(f"Nội dung {number}").fill(item)
        await self.unfold("Cài đặt")
        await self.page.get_by_role("switch", name="Chờ chủ trì cho vào").check()
        await self.page.get_by_role("switch", name="Họp gấp").check()
        await self.page.get_by_text(re.compile("Đã tự lưu lúc")).wait_for()
        return meeting

    async def choose(self, whom: str, official: Official) -> None:
        await self.press(whom, self.page.get_by_role("form", name="Cuộc họp"))
        await self.page.get_by_role("searchbox").last.fill(official.name)
        await self.press(re.compile(official.name), self.dialog)

    async def invite(self) -> None:
        await self.press("Gửi giấy mời")
        await self.page.get_by_text(re.compile("Đã gửi giấy mời đến")).wait_for()

    async def ticket(self, official: Official) -> str:
        """The personal link in the letter to this official, as the outbox shows it."""
        letter = self.page.get_by_role("link", name=re.compile(official.email)).or_(
            self.page.get_by_role("button", name=re.compile(official.email))
        )
        for _ in range(20):
            await self.go("/outbox")
            await self.page.get_by_role("heading", level=1).wait_for()
            await self.page.wait_for_timeout(1000)
            if await letter.count():
                break
        await letter.first.click()
        link = self.page.locator('a[href*="/join/"]').first
        address = await link.get_attribute("href")
        assert address
        return address

    async def unfold(self, section: str) -> None:
        form = self.page.get_by_role("form", name="Cuộc họp")
        head = form.get_by_role("button", name=re.compile(f"^{section}")).first
        if await head.get_attribute("aria-expanded") == "false":
            await head.click()
