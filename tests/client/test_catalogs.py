"""The words on the screen: two languages with the same sentences, one for every error that can be told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "web" / "client" / "src"
CATALOGS = SOURCES / "i18n"
NAMES = sorted(path.name for path in (CATALOGS / "vi").glob("*.json"))
ROOMS = ("documents", "media", "meetings", "minutes", "recordings", "scheduler", "signaling", "store", "web/routes")
FAMILY = "MeetingError|NotAllowed|WrongMoment|NotFound|Invalid|Conflict|Refused|Unavailable"

HOLE = re.compile(r"\{(\w+)\}")
NAMED = re.compile(r"""\bt\(\s*(?:[\w.!?&|()\s]+\?\s*"([\w.]+)"\s*:\s*)?"([\w.]+)"[,)\s]""")
RAISED = re.compile(rf"""\b(?:{FAMILY})\(\s*"(\w+)\"""")
DECLARED = re.compile(r"""^    code = "(\w+)\"""", re.MULTILINE)
CODE_ONLY = frozenset({"meeting_error"})


def _catalog(language: str, name: str) -> dict[str, str]:
    return json.loads((CATALOGS / language / name).read_text())


def _all(language: str) -> dict[str, str]:
    return {key: sentence for name in NAMES for key, sentence in _catalog(language, name).items()}


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_sentences(name: str) -> None:
    vietnamese, english = _catalog("vi", name), _catalog("en", name)
    assert sorted(vietnamese) == sorted(english)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_sentence_is_empty(language: str, name: str) -> None:
    assert [key for key, sentence in _catalog(language, name).items() if not sentence.strip()] == []


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_fill_in_the_same_facts(name: str) -> None:
    vietnamese, english = _catalog("vi", name), _catalog("en", name)
    different = [
        key for key in vietnamese if set(HOLE.findall(vietnamese[key])) != set(HOLE.findall(english.get(key, "")))
    ]
    assert different == []


def test_no_sentence_stands_in_two_catalogs() -> None:
    keys = [key for name in NAMES for key in _catalog("vi", name)]
    assert sorted(keys) == sorted(set(keys))


def test_every_sentence_that_the_pages_name_exists() -> None:
    known = _all("vi")
    files = [path for path in SOURCES.rglob("*") if path.suffix in {".svelte", ".ts"}]
    named = {key for path in files for found in NAMED.findall(path.read_text()) for key in found if key}
    assert len(named) > 100
    assert sorted(named - set(known)) == []


def test_every_error_code_has_a_sentence() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    files += (ROOT / "web").glob("*.py")
    codes: set[str] = set()
    for path in files:
        text = path.read_text()
        codes |= set(RAISED.findall(text)) | set(DECLARED.findall(text))
    assert len(codes) > 10
    sentences = _catalog("vi", "errors.json")
    assert sorted(code for code in codes - CODE_ONLY if f"error.{code}" not in sentences) == []
