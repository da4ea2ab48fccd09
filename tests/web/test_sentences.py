from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CATALOGS = ROOT / "web" / "client" / "src" / "i18n"


def refusals(*folders: str) -> dict[str, set[str]]:
    """Every code that these rooms refuse with, and the facts that come with it."""
    found: dict[str, set[str]] = {}
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py") if "client" not in file.parts):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str() as code)):
                    found.setdefault(code, set())
                case ast.Raise(exc=ast.Call(args=[ast.Constant(value=str() as code)], keywords=facts)):
                    found.setdefault(code, set()).update(fact.arg or "" for fact in facts)
                case _:
                    pass
    return {code: facts for code, facts in found.items() if re.fullmatch(r"[a-z_]+", code)}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_refusal_of_pages_and_rules_has_its_sentence(language: str) -> None:
    sentences: dict[str, str] = json.loads((CATALOGS / language / "errors.json").read_text())
    codes = refusals("web", "meetings")
    assert {"conflict", "classification_refused", "too_many_attempts", "ticket_expired"} <= codes.keys()
    assert [code for code in codes if f"error.{code}" not in sentences] == []


def test_both_languages_say_the_same_facts() -> None:
    vi, en = (json.loads((CATALOGS / language / "errors.json").read_text()) for language in ("vi", "en"))
    assert vi.keys() == en.keys()
    assert [key for key in vi if set(re.findall(r"{(\w+)}", vi[key])) != set(re.findall(r"{(\w+)}", en[key]))] == []
