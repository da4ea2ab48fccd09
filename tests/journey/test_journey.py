"""One real meeting, from the first administrator to the verified record, through the pages alone."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiosqlite
import pypdfium2
import pytest
from devices import BLUE, GREEN, RED
from film import colour_at, look, tone_at
from guest import Guest, guest
from onlooker import AUDIBLE, SILENT, until
from playwright.async_api import Page, Playwright
from portal import ITEMS, Body, Official, Portal

from bench.product import ROOT, Product

pytestmark = pytest.mark.journey

PROVINCE, COMMUNE, WARD = "UBND tỉnh Hà Nam Ninh", "UBND xã Hương Sơn", "UBND phường Trần Phú"
CHAIR = Official("Vũ Đình Khải", "Phó Chủ tịch", PROVINCE, "khai@hnn.example")
CLERK = Official("Hoàng Thị Nhàn", "Chuyên viên", PROVINCE, "nhan@hnn.example")
NORTH = Official("Nguyễn Thị Hòa", "Chủ tịch", COMMUNE, "hoa@hnn.example")
SOUTH = Official("Trần Văn Bảo", "Chủ tịch", WARD, "bao@hnn.example")
TITLE = "Họp giao ban tháng 11"
TASK = "Xác định lại giá đất 15 hộ thôn Đông"


async def other_page(of: Guest) -> Page:
    """Somebody else's page in the same browser: cookies of its own."""
    context = await of.browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", accept_downloads=True
    )
    return await context.new_page()


async def test_one_meeting_from_invitation_to_verified_minutes(
    product: Product, playwright: Playwright, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        chair, north, south = [
            await stack.enter_async_context(guest(playwright, name, device, tmp_path, patched=name == "north"))
            for name, device in (("chair", BLUE), ("north", RED), ("south", GREEN))
        ]
        clerk = await set_up_the_office(product, chair, south)
        meeting = await clerk.convene(TITLE, PROVINCE, CHAIR, CLERK, [NORTH, SOUTH])
        await clerk.invite()
        tickets = [await clerk.ticket(office) for office in (NORTH, SOUTH)]

        await come_in(chair, north, south, tickets)
        await conduct(chair, north, south)
        film = await watch_the_film(clerk, meeting, tmp_path)
        await write_the_minutes(clerk, Portal(chair.page, product.url), meeting, tmp_path)
        for each in (chair, north, south):
            assert each.complaints == []
    assert film.seconds > 10
    await verify(product, meeting)


async def set_up_the_office(product: Product, chair: Guest, south: Guest) -> Portal:
    """The first administrator enters units, people and two accounts; their owners take their links."""
    assert product.first_link is not None
    administrator = Portal(await other_page(chair), product.url)
    await administrator.welcome(product.first_link, "quantri", "Quản trị")
    for body in (Body(PROVINCE, "UBND"), Body(COMMUNE, "UBND", PROVINCE), Body(WARD, "UBND", PROVINCE)):
        await administrator.add_unit(body)
    for official in (CHAIR, CLERK, NORTH, SOUTH):
        await administrator.add_person(official)
    link = await administrator.add_account(CHAIR, "khai", "Người dự họp")
    await Portal(chair.page, product.url).welcome(link)
    clerk = Portal(await other_page(south), product.url)
    await clerk.welcome(await administrator.add_account(CLERK, "nhan", "Thư ký"))
    await administrator.page.context.close()
    return clerk


async def come_in(chair: Guest, north: Guest, south: Guest, tickets: list[str]) -> None:
    """The chair from *Hôm nay*, the offices from their letters; the chair lets them in from the lobby."""
    await chair.page.reload()
    await chair.press("Vào họp")
    await chair.page.wait_for_url(re.compile("/join/"))
    await chair.take_seat()
    await chair.press(re.compile("^Điểm danh"), role="tab")
    for each, ticket in zip((north, south), tickets, strict=True):
        await each.join(ticket)
        await each.page.get_by_text("Phòng chờ").first.wait_for()
    for unit in (COMMUNE, WARD):
        await chair.press(f"Cho vào: {unit}")
    for each in (north, south):
        await each.sees("stage-video", BLUE)
        await each.hears(BLUE)


async def conduct(chair: Guest, north: Guest, south: Guest) -> None:
    await chair.press("Khai mạc")
    await chair.press("Bắt đầu ghi")
    await south.page.get_by_text("Đang ghi").first.wait_for()
    await chair.press(re.compile("^Nội dung"), role="tab")
    await chair.press(f"Bắt đầu: {ITEMS[0]}")
    await north.press("Đăng ký phát biểu")
    await south.press("Đăng ký phát biểu")
    await chair.press(re.compile("^Phát biểu"), role="tab")
    await chair.press(f"Mời nói: {COMMUNE}")
    for each in (chair, south):
        await each.sees("stage-video", RED)
        await each.hears(RED)
    await asyncio.sleep(3)

    await chair.press(f"Mời nói: {WARD}")
    for each in (chair, north):
        await each.sees("stage-video", GREEN)
        await each.hears(GREEN)
    for each in (chair, south):
        await each.hears_nothing_of(RED)
    await south.press("Trình chiếu")
    await until(
        lambda: north.page.locator('[data-slot="stage-video"]').first.get_attribute("data-site"),
        bool,
        "the shared screen is on the stage",
    )
    await asyncio.sleep(2)
    await south.press("Dừng trình chiếu")
    await chair.press("Nội dung tiếp")
    await chair.press("Ghi kết luận")
    await chair.page.get_by_label("Kết luận: nhiệm vụ").fill(TASK)
    await chair.page.get_by_label("Chủ trì thực hiện").fill("Sở Xây dựng")
    await chair.page.get_by_label("Phối hợp").fill(COMMUNE)
    await chair.press("Ghi")
    await chair.press("Dừng phát biểu")
    await north.sees("stage-video", BLUE)
    await asyncio.sleep(2)
    await chair.press("Rời họp")
    await chair.press("Kết thúc họp cho tất cả")
    await north.page.get_by_text("Cuộc họp đã kết thúc").first.wait_for()


async def watch_the_film(clerk: Portal, meeting: str, folder: Path) -> object:
    """The archive page composes, plays and jumps; the downloaded film is looked into."""
    await clerk.go(f"/archive/{meeting}")
    await clerk.page.get_by_role("button", name="Phát", exact=True).wait_for(timeout=120_000)
    async with clerk.page.expect_download() as waiting:
        await clerk.page.get_by_role("link", name="Tải phim").click()
    download = await waiting.value
    path = folder / "film.mp4"
    await download.save_as(path)

    story = await clerk.page.evaluate("id => fetch(`/api/archive/${id}`).then(r => r.json())", meeting)
    assert not [gap for gap in story["film"]["gaps"] if gap["seconds"] > 2], "a muted site is silent, not missing"
    film = await asyncio.to_thread(look, path)
    assert film.moov_first
    assert abs(film.seconds - story["film"]["seconds"]) < 1
    assert film.frames > film.seconds * 20
    assert film.samples > (film.seconds - 1) * 44_000

    happened = {
        (m["kind"], m["detail"] if m["kind"] == "item_started" else m["site_name"]): m for m in story["moments"]
    }
    started = {kind: m["film"] for (kind, _), m in happened.items() if m["film"] is not None}
    assert started["recording_started"] < 0.5
    chapters = dict(film.chapters)
    for item in ITEMS:
        (moment,) = [m["film"] for m in story["moments"] if m["kind"] == "item_started" and item in (m["detail"] or "")]
        (start,) = [start for title, start in chapters.items() if item in title]
        assert abs(start - moment) < 0.5
    given = {m["site_name"]: m["film"] for m in story["moments"] if m["kind"] == "floor_given"}
    for unit, device in ((COMMUNE, RED), (WARD, GREEN)):
        colour = await asyncio.to_thread(colour_at, path, given[unit] + 2)
        assert all(abs(a - b) < 60 for a, b in zip(colour, device.rgb, strict=True)), (unit, colour)
        assert await asyncio.to_thread(tone_at, path, given[unit] + 1.5, device.hertz) > AUDIBLE
    assert await asyncio.to_thread(tone_at, path, given[WARD] + 1.5, RED.hertz) < SILENT, (
        "the muted site is not recorded"
    )

    await clerk.page.get_by_role("button", name=re.compile(ITEMS[1])).first.click()
    video = clerk.page.locator("video").first
    wanted = next(start for title, start in film.chapters if ITEMS[1] in title)
    await until(lambda: video.evaluate("v => v.currentTime"), lambda at: abs(at - wanted) < 2.5, "the film jumps")
    await clerk.press("Phát")
    await until(lambda: video.evaluate("v => v.currentTime"), lambda at: at > wanted + 0.5, "the film plays")
    return film


async def write_the_minutes(clerk: Portal, chair: Portal, meeting: str, folder: Path) -> None:
    """The clerk writes and submits, the chair signs, the paper says what happened."""
    await clerk.go(f"/meetings/{meeting}/minutes")
    paper = clerk.page.get_by_role("article", name="Biên bản cuộc họp")
    await paper.wait_for()
    await clerk.press("Trình ký")
    await clerk.page.get_by_text("Đã trình chủ trì ký.").wait_for()
    await chair.go(f"/meetings/{meeting}/minutes")
    await chair.press("Ký biên bản")
    await chair.page.get_by_text("Đã ký biên bản.").wait_for()
    async with chair.page.expect_download() as waiting:
        await chair.page.get_by_role("link", name="Tải PDF").click()
    path = folder / "minutes.pdf"
    await (await waiting.value).save_as(path)
    text = " ".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path))
    text = re.sub(r"\s+", " ", text)
    for expected in (*ITEMS, COMMUNE, WARD, TASK[1:], "Sở Xây dựng", CHAIR.name, CLERK.name, "BIÊN BẢN", "01/BB-"):
        assert expected in text, expected


async def verify(product: Product, meeting: str) -> None:
    """The record holds; one changed byte in a row, and one in a file, is named."""
    command = [sys.executable, "server.py", "verify", meeting]
    environment = {"NGHISU_VAR": str(product.var), "PATH": ""}

    async def checked() -> tuple[int, str]:
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    status, said = await checked()
    assert status == 0, said

    async with aiosqlite.connect(product.var / "db" / "events.db") as log:
        ((payload,),) = await log.execute_fetchall("SELECT payload FROM events WHERE seq = 5")
        change = "UPDATE events SET payload = ? WHERE seq = 5"
        await log.execute(change, (payload[:-3] + bytes([payload[-3] ^ 1]) + payload[-2:],))
        await log.commit()
        status, said = await checked()
        assert status == 1
        assert "5" in said
        await log.execute(change, (payload,))
        await log.commit()
        assert (await checked())[0] == 0

    film = next((product.var / "files").rglob("*.mp4"))
    with film.open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    status, said = await checked()
    assert status == 1
    assert f"{TITLE}.mp4" in said
