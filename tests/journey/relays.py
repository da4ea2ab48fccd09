"""What the tests learn of the relays of a running product."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from bench.product import Product

ENDPOINT = "async () => (await window.nghisu.stats()).endpoint"
MEDIA_PORT = r"""
const set = RTCPeerConnection.prototype.setRemoteDescription
RTCPeerConnection.prototype.setRemoteDescription = function (description) {
  const found = /a=candidate:\S+ \d+ udp \d+ \S+ (\d+)/i.exec(description.sdp)
  if (found) window.mediaPort = Number(found[1])
  return set.call(this, description)
}
"""
"""Keeps the port of the relay that a page was last told."""


def relays(product: Product) -> dict[int, int]:
    """The relays' processes: process id → media port."""
    found: dict[int, int] = {}
    for pid in product.children():
        match Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[2:5]:
            case [b"relay", b"--number", number]:
                found[pid] = product.port + 1000 + int(number)
    return found


def process(product: Product, port: int) -> int:
    """The process id of the relay that has this media port."""
    return next(pid for pid, known in relays(product).items() if known == port)


def connected(product: Product) -> int:
    """How many relays the server has."""
    with urllib.request.urlopen(f"{product.url}/healthz", timeout=5) as answer:
        return json.load(answer)["relays"]
