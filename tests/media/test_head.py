"""All headers of a fan-out are equally long, whoever receives them: what differs stands at the same places."""

from __future__ import annotations

from typing import Any

import pytest
from relay_packets import see

from media.lot import HEAD, LEVEL_AT, NUMBER_AT
from media.messages import SLOTS
from media.ortc import AUDIO_LEVEL_ID, MID_ID, ROUTER_CAPABILITIES, TRANSPORT_CC_ID, own_numbers, receivable, receiving
from media.rtp import SILENT, TRANSPORT_CC
from media.slot import Slot

EXTENSIONS: list[dict[str, Any]] = ROUTER_CAPABILITIES["headerExtensions"]
UNNUMBERED: dict[str, Any] = {
    **ROUTER_CAPABILITIES,
    "headerExtensions": [extension for extension in EXTENSIONS if extension["uri"] != TRANSPORT_CC],
}
OWN: dict[str, Any] = {**ROUTER_CAPABILITIES, "headerExtensions": []}


def slots(capabilities: dict[str, Any]) -> list[Slot]:
    able = receivable(capabilities)
    return [
        Slot(
            name=name,
            receiving=receiving(kind, f"s{place}", "an", able, own_numbers(capabilities)),
            outlet=None,  # pyright: ignore[reportArgumentType]
            outgoing=bytearray(2048),
            on_shown=lambda: None,
            spend=lambda size: True,
        )
        for place, (name, kind) in enumerate(SLOTS)
    ]


@pytest.mark.parametrize("capabilities", [ROUTER_CAPABILITIES, UNNUMBERED, OWN], ids=["router", "unnumbered", "own"])
def test_every_header_is_as_long_as_the_others_and_can_be_read(capabilities: dict[str, Any]) -> None:
    for slot in slots(capabilities):
        assert len(slot.head) == HEAD
        assert see(slot.head + b"payload").payload == b"payload"


def test_mid_number_and_level_stand_where_they_are_written() -> None:
    mids: set[bytes] = set()
    for slot in slots(ROUTER_CAPABILITIES):
        head = bytearray(slot.head)
        head[NUMBER_AT : NUMBER_AT + 2] = b"\x12\x34"
        sound = slot.receiving.kind == "audio"
        if sound:
            assert head[LEVEL_AT] == SILENT
            head[LEVEL_AT] = 30
        elements = see(bytes(head)).elements
        assert elements.pop(TRANSPORT_CC_ID) == b"\x12\x34"
        assert elements.pop(AUDIO_LEVEL_ID, None) == (b"\x1e" if sound else None)
        mids.add(elements.pop(MID_ID))
        assert elements == {}
    assert len(mids) == len(SLOTS)
