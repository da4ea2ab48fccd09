"""Name plates and cards of the film, drawn by typst in Be Vietnam Pro. Text enters as data, never as code."""

from __future__ import annotations

from importlib.resources import as_file, files

import msgspec

from recordings.program import Plate

WIDTH, HEIGHT = 1280, 720

_COMMON = """
#let words = json(bytes(sys.inputs.at("words")))
#set text(font: "Be Vietnam Pro", fill: white, weight: 600, lang: "vi")
#set par(leading: 0.5em)
"""

_PLATE = (
    _COMMON
    + """
#set page(width: auto, height: auto, margin: 0pt, fill: none)
#let line = {
  text(size: 25pt, words.site)
  if words.person != "" { text(size: 25pt, weight: 400, "  ·  " + words.person) }
  if words.note != "" { text(size: 20pt, weight: 400, fill: rgb("#CFE6F5"), "  ·  " + words.note) }
}
#context {
  let width = calc.min(measure(line).width, 1150pt)
  box(fill: rgb(0, 0, 0, 191), radius: 10pt, inset: (x: 18pt, y: 13pt), box(width: width, line))
}
"""
)

_CARD = (
    _COMMON
    + """
#set page(width: 1280pt, height: 720pt, margin: (x: 120pt, y: 64pt), fill: rgb("#0B1117"))
#set align(center + horizon)
#block(
  width: 100%, height: 100%,
  grid(
    rows: (auto, 1fr, auto),
    text(size: 24pt, weight: 400, fill: rgb("#A9B7C4"), words.title),
    align(center + horizon, {
      if words.site != "" { block(text(size: 52pt, words.site)) }
      if words.person != "" { block(above: 28pt, text(size: 30pt, weight: 400, words.person)) }
      block(above: 48pt, box(
        stroke: 1pt + rgb("#3B4B58"), fill: rgb("#1B2630"), radius: 24pt, inset: (x: 26pt, y: 14pt),
        text(size: 24pt, weight: 400, fill: rgb("#CDD7DF"), words.note),
      ))
    }),
    hide(text(size: 24pt, "·")),
  ),
)
"""
)


def plate(who: Plate) -> bytes:
    """A PNG with transparent corners: the site and who speaks for it."""
    return _draw(_PLATE, {"site": who.site, "person": who.person, "note": "chia sẻ màn hình" if who.shares else ""})


def card(who: Plate | None, title: str) -> bytes:
    """A PNG of the whole picture for when there is none."""
    site, person = (who.site, who.person) if who else ("", "")
    return _draw(_CARD, {"site": site, "person": person, "title": title, "note": "Chưa có hình"})


def _draw(source: str, words: dict[str, str]) -> bytes:
    import typst

    with as_file(files("fontpkg_be_vietnam_pro") / "files") as fonts:
        image = typst.compile(
            source.encode(),
            format="png",
            ppi=72,
            font_paths=[str(fonts)],  # pyright: ignore[reportArgumentType]
            ignore_system_fonts=True,
            sys_inputs={"words": msgspec.json.encode(words).decode()},
        )
    assert isinstance(image, bytes)
    return image
