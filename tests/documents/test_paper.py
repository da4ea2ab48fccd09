"""Papers in the form of Decree 30/2020/NĐ-CP: what they say, how they are set, that they are PDF/A."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from documents.glyphs import _letters, printable, unprintable
from documents.paper import InvitationPaper, MinutesPaper, Paper, Section, render_pdf, render_png

GOLDEN = Path(__file__).parent / "golden"
TURN = "UBND xã Hương Sơn phát biểu (09 giờ 12 – 09 giờ 17): đã chi trả 42/57 hộ đoạn qua thôn Đông."

MINUTES = MinutesPaper(
    parent="UBND tỉnh Hà Nam Ninh",
    body="Văn phòng",
    number="01/BB-VP",
    draft=False,
    dated=datetime(2026, 11, 25, 4, 40, tzinfo=UTC),
    title="Họp giao ban UBND tỉnh tháng 11 năm 2026",
    began="08 giờ 00, ngày 25 tháng 11 năm 2026",
    place="Phòng họp số 2 và 38 điểm cầu trực tuyến",
    attendance=(
        "Có mặt 02/03 điểm cầu, 06 người",
        "UBND xã Hương Sơn: Nguyễn Thị Hòa và 04 người; có mặt từ 08 giờ 00 đến 11 giờ 30",
        "Vắng mặt: UBND xã Liên Hà",
    ),
    chair="Phó Chủ tịch Vũ Đình Khải",
    secretary="Hoàng Thị Nhàn",
    sections=(
        Section("1. Kinh tế – xã hội tháng 11", "08 giờ 05 – 08 giờ 52", (TURN,)),
        Section(
            "2. Tiến độ giải phóng mặt bằng quý IV",
            "",
            (
                "Chủ trì kết luận: giao Sở Xây dựng chủ trì, báo cáo trước ngày 05 tháng 12 năm 2026.\n"
                "Giao Văn phòng đôn đốc.",
            ),
        ),
    ),
    ended="11 giờ 30, ngày 25 tháng 11 năm 2026",
    secretary_name="Hoàng Thị Nhàn",
    chair_name="Vũ Đình Khải",
    recipients=("Như thành phần tham dự", "Lưu: VT, hồ sơ cuộc họp"),
)
INVITATION = InvitationPaper(
    parent="UBND tỉnh Hà Nam Ninh",
    body="Văn phòng",
    number="05/GM-VP",
    draft=False,
    dated=datetime(2026, 11, 18, 4, 40, tzinfo=UTC),
    place_date="Hà Nam Ninh, ngày 18 tháng 11 năm 2026",
    subject="Họp giao ban UBND tỉnh tháng 11 năm 2026",
    paragraphs=(
        "Văn phòng Ủy ban nhân dân tỉnh Hà Nam Ninh trân trọng kính mời: Giám đốc các sở, ngành.",
        "Chủ trì: Phó Chủ tịch Vũ Đình Khải.",
        "Thời gian: 08 giờ 00, thứ Tư, ngày 25 tháng 11 năm 2026.",
        "Địa điểm: Phòng họp số 2",
    ),
    agenda=(("1", "08 giờ 00", "Kinh tế – xã hội tháng 11", "Sở Tài chính"),),
    authority="KT. Chánh Văn phòng",
    signer_title="Phó Chánh Văn phòng",
    signer_name="Đỗ Minh Thuận",
    recipients=("Như trên", "Lưu: VT, TH (05)"),
)
PAPERS = {"minutes": MINUTES, "invitation": INVITATION}


@contextmanager
def opened(pdf: bytes) -> Iterator[pypdfium2.PdfDocument]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        yield document
    finally:
        document.close()


def pages(paper: Paper) -> list[str]:
    with opened(render_pdf(paper)) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return ["\n".join(line.rstrip() for line in text.splitlines()) for text in texts]


def flat(paper: Paper) -> str:
    """The whole text with line ends as spaces."""
    return " ".join("\n".join(pages(paper)).split())


def longer(paragraphs: int) -> MinutesPaper:
    section = Section("1. Nội dung", "", tuple(f"Ý kiến {n}. {TURN}" for n in range(1, paragraphs + 1)))
    return msgspec.structs.replace(MINUTES, sections=(section,))


@pytest.mark.parametrize("name", PAPERS)
def test_the_paper_says_what_its_golden_text_says(name: str):
    assert "\f".join(pages(PAPERS[name])) + "\n" == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", PAPERS)
def test_the_same_paper_is_the_same_bytes(name: str):
    assert render_pdf(PAPERS[name]) == render_pdf(PAPERS[name])


@pytest.mark.parametrize("name", PAPERS)
def test_it_declares_pdf_a_2_level_a_with_language_tags_and_date(name: str):
    pdf = render_pdf(PAPERS[name])
    metadata = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", pdf, re.DOTALL)
    assert metadata, "PDF/A keeps its metadata uncompressed (ISO 19005-2, 6.6.2.1)"
    assert b"<pdfaid:part>2</pdfaid:part>" in metadata[0]
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in metadata[0]
    assert b"/OutputIntents" in pdf
    assert b"/Marked true" in pdf
    assert b"/Lang(vi-VN)" in pdf
    with opened(pdf) as document:
        said = document.get_metadata_dict()
    assert said["Title"].endswith("Họp giao ban UBND tỉnh tháng 11 năm 2026")
    assert said["CreationDate"] == f"D:{PAPERS[name].dated:%Y%m%d%H%M%S}Z"


@pytest.mark.parametrize("name", PAPERS)
def test_every_letter_is_set_in_an_embedded_tinos(name: str):
    faces: set[str] = set()
    with opened(render_pdf(PAPERS[name])) as document:
        for page in document:
            for drawn in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_TEXT,)):
                font, face = pdfium.FPDFTextObj_GetFont(drawn.raw), ctypes.create_string_buffer(128)
                pdfium.FPDFFont_GetBaseFontName(font, face, 128)
                assert pdfium.FPDFFont_GetIsEmbedded(font) == 1
                faces.add(face.value.decode().partition("+")[2])
    assert faces == {"Tinos-Regular", "Tinos-Bold", "Tinos-Italic", "Tinos-BoldItalic"}


def test_every_vietnamese_letter_comes_back():
    vowels = "aăâeêioôơuưy"
    marks = ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")
    letters = "".join(printable(vowel + mark) for vowel in vowels for mark in marks) + "đ"
    assert len(letters) == 12 * 6 + 1
    title = " ".join([*letters, *letters.upper()])
    assert title in flat(msgspec.structs.replace(MINUTES, title=title))
    assert unprintable(title) == ""


def test_every_letter_called_printable_can_be_set():
    title = "".join(map(chr, sorted(_letters())))
    assert render_pdf(msgspec.structs.replace(MINUTES, title=title)).startswith(b"%PDF")


def test_a_letter_without_a_glyph_is_shown_as_missing_and_invisible_ones_vanish():
    assert printable("a😀b\u202ec\ufeffd\te\x00f\r\ng\u2028h\u00a0i") == "a□bcd ef\ng\nh\u00a0i"
    assert unprintable("😀 chào 中 😀\u202e\t") == "😀中"
    assert "Nhất trí □" in flat(msgspec.structs.replace(MINUTES, title="Nhất trí 👍"))


MARKUP = '#import "x" #set page() *b* _i_ $x$ \\ <label> @ref // /* ] } "'


@pytest.mark.parametrize("field", ["title", "parent", "chair", "began", "secretary_name"])
def test_text_of_users_is_never_markup(field: str):
    shown = MARKUP.upper() if field == "parent" else MARKUP
    said = flat(msgspec.structs.replace(MINUTES, **{field: MARKUP}))
    assert "".join(shown.split()) in "".join(said.split())


def test_the_national_heading_stands_on_one_line_and_nothing_leaves_the_margins():
    millimetre = 72 / 25.4
    with opened(render_pdf(longer(12))) as document:
        for page in document:
            text = page.get_textpage()
            heading = text.search("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM").get_next()
            boxes = [text.get_charbox(n) for n in range(text.count_chars()) if text.get_text_range(n, 1).strip()]
            assert min(box[0] for box in boxes) >= 30 * millimetre - 0.5
            assert max(box[2] for box in boxes) <= 190 * millimetre + 0.5
            assert min(box[1] for box in boxes) >= 20 * millimetre - 4
            if heading:
                first, count = heading
                lines = {round(text.get_charbox(n, loose=True)[1]) for n in range(first, first + count)}
                assert len(lines) == 1


def test_the_page_number_is_centred_in_the_top_margin_from_the_second_page_on():
    first, second, third = pages(longer(30))
    assert first.splitlines()[0] == "UBND TỈNH HÀ NAM NINH"
    assert (second.splitlines()[0], third.splitlines()[0]) == ("2", "3")
    with opened(render_pdf(longer(30))) as document:
        text = document[1].get_textpage()
        left, bottom, right, _ = text.get_charbox(0)
        assert (left + right) / 2 == pytest.approx((30 + 190) / 2 * 72 / 25.4, abs=1)
        assert bottom > (297 - 20) * 72 / 25.4


@pytest.mark.parametrize("paragraphs", range(1, 34))
def test_signatures_never_stand_without_the_text_they_sign(paragraphs: int):
    found = pages(longer(paragraphs))
    (signed,) = [page for page in found if "CHỦ TỌA" in page]
    assert f"Ý kiến {paragraphs}." in signed
    assert "Cuộc họp kết thúc vào" in signed
    assert "Hoàng Thị Nhàn" in signed.partition("THƯ KÝ")[2]
    assert "Vũ Đình Khải" in signed.partition("CHỦ TỌA")[2]
    assert "Nơi nhận" in signed


def test_a_heading_never_stands_last_on_its_page():
    for paragraphs in range(8, 14):
        sections = (*longer(paragraphs).sections, Section("2. Phần sau", "", (TURN, TURN)))
        for page in pages(msgspec.structs.replace(MINUTES, sections=sections)):
            assert not page.rstrip().endswith("2. Phần sau")


def test_a_draft_is_marked_on_every_page_and_has_room_for_its_number():
    draft = msgspec.structs.replace(longer(30), draft=True, number="      /BB-VP")
    assert all("DỰ THẢO" in page for page in pages(draft))
    assert re.search(r"Số:\s+/BB-VP", pages(draft)[0])


def test_a_body_without_a_superior_and_minutes_without_sections_are_set():
    bare = msgspec.structs.replace(MINUTES, parent="", sections=(), attendance=(), recipients=())
    assert flat(bare).startswith("VĂN PHÒNG CỘNG HÒA")
    assert "Nơi nhận" not in flat(bare)


def test_an_invitation_without_agenda_has_no_table():
    assert "Chương trình" not in flat(msgspec.structs.replace(INVITATION, agenda=()))


def test_a_paper_may_be_dated_to_the_microsecond():
    dated = msgspec.structs.replace(longer(1), dated=datetime(2026, 11, 25, 4, 30, 0, 123_456, UTC))
    assert render_pdf(dated) == render_pdf(msgspec.structs.replace(dated, dated=dated.dated.replace(microsecond=0)))


def test_a_preview_is_one_picture_a_page():
    assert [picture[:8] for picture in render_png(longer(30))] == [b"\x89PNG\r\n\x1a\n"] * 3
