"""The programs that shape networks: run one, or say in a sentence why it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NoReturn

PACKAGES = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables"}


class BedUnavailable(Exception):
    """This machine cannot make the networks; the message says what is missing. Never a reason to skip."""


def run(*command: str, words: str = "") -> str:
    """What the command printed; ``words`` are its standard input. Raises ``BedUnavailable``."""
    done = subprocess.run([program(command[0]), *command[1:]], input=words, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        _refuse(command, done.stderr.strip() or f"status {done.returncode}")
    return done.stdout


def program(name: str) -> str:
    """The path of a program. Raises ``BedUnavailable``, which names the package that brings it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise BedUnavailable(f"Networks need the program {name!r}: install {PACKAGES.get(name, name)}.")
    return path


def _refuse(command: tuple[str, ...], error: str) -> NoReturn:
    spoken = " ".join(command)
    if os.geteuid() != 0:
        raise BedUnavailable(f"Networks are made by root alone: `{spoken}` failed: {error}")
    if "qdisc kind is unknown" in error:
        raise BedUnavailable(f"This kernel has no tbf (CONFIG_NET_SCH_TBF): `{spoken}` failed: {error}")
    if command[0] == "nft":
        raise BedUnavailable(
            f"nftables refused the rules; the kernel needs NF_TABLES, NFT_NUMGEN and a forward hook: {error}"
        )
    raise BedUnavailable(f"`{spoken}` failed: {error}")
