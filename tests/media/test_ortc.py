"""What browsers offer and what slots are offered to them, in mediasoup-client's words."""

from __future__ import annotations

from typing import Any

import pytest

from media.ortc import ROUTER_CAPABILITIES, CodecUnknown, Receivable, Sent, receivable, receiving, sending

VIDEO: dict[str, Any] = {
    "mid": "1",
    "codecs": [
        {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "parameters": {}, "rtcpFeedback": []},
        {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}},
    ],
    "headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4, "encrypt": False, "parameters": {}}],
    "encodings": [{"ssrc": 11, "rtx": {"ssrc": 12}, "maxBitrate": 900_000, "dtx": False}],
    "rtcp": {"cname": "x", "reducedSize": True},
}


def test_the_codec_the_streams_and_the_extensions_of_a_producer_are_read() -> None:
    read = sending("video", VIDEO)
    assert (read.codec, read.payload_type, read.repair_type) == ("VP8", 96, 97)
    assert (read.encodings, read.mid) == ((Sent("", 11, 12),), "1")
    assert read.extensions == {"urn:ietf:params:rtp-hdrext:sdes:mid": 4}


def test_a_producer_without_told_streams_is_taken_too() -> None:
    read = sending("video", {"mid": "1", "codecs": VIDEO["codecs"], "encodings": [{}]})
    assert read.encodings == (Sent("", None, None),)


def test_the_layers_of_a_simulcast_are_told_apart_by_their_rids() -> None:
    layers = [{"rid": rid, "maxBitrate": rate} for rid, rate in (("r0", 100_000), ("r1", 300_000), ("r2", 900_000))]
    read = sending("video", {**VIDEO, "encodings": layers})
    assert read.encodings == (Sent("r0"), Sent("r1"), Sent("r2"))


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("audio", VIDEO),
        ("video", {}),
        ("video", {"codecs": []}),
        ("video", {"codecs": [{"mimeType": "video/AV1", "payloadType": 1}]}),
        ("video", {**VIDEO, "encodings": [{"rid": "r0"}, {"rid": "r0"}]}),
        ("video", {**VIDEO, "encodings": [{"ssrc": 1}, {"ssrc": 2}]}),
        ("video", {**VIDEO, "encodings": [{"rid": f"r{layer}"} for layer in range(4)]}),
        ("video", {**VIDEO, "encodings": [{"ssrc": -1}]}),
        ("video", {**VIDEO, "encodings": "many"}),
        ("video", {**VIDEO, "headerExtensions": [{"uri": "x", "id": 0}]}),
        ("video", {"codecs": [{"mimeType": None}]}),
    ],
    ids=[
        "other kind",
        "nothing",
        "no codec",
        "AV1",
        "equal",
        "no rids",
        "many layers",
        "bad ssrc",
        "no list",
        "bad extension",
        "bad type",
    ],
)
def test_what_cannot_be_forwarded_is_refused(kind: Any, parameters: dict[str, Any]) -> None:
    with pytest.raises(CodecUnknown):
        sending(kind, parameters)


def test_a_browser_that_knows_both_video_codecs_is_offered_both_with_repair() -> None:
    able = receivable(ROUTER_CAPABILITIES)
    offer = receiving("video", "s0", "an.stage", able).parameters()
    assert [(c["mimeType"], c["payloadType"], c["parameters"].get("apt")) for c in offer["codecs"]] == [
        ("video/VP8", 101, None),
        ("video/rtx", 102, 101),
        ("video/H264", 103, None),
        ("video/rtx", 104, 103),
    ]
    assert offer["encodings"][0]["rtx"]["ssrc"] != offer["encodings"][0]["ssrc"]
    assert offer["rtcp"]["cname"] == "an.stage"


def test_a_browser_without_h264_or_without_repair_is_offered_what_it_can() -> None:
    only = [{"mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000}]
    able = receivable({"codecs": only})
    offer = receiving("video", "s0", "c", able).parameters()
    assert [codec["mimeType"] for codec in offer["codecs"]] == ["video/VP8"]
    assert "rtx" not in offer["encodings"][0]
    assert receiving("audio", "s1", "c", able).codecs == ()


def test_h264_in_single_packets_only_is_not_offered() -> None:
    entry = {"mimeType": "video/H264", "preferredPayloadType": 103, "parameters": {"packetization-mode": "0"}}
    assert receivable({"codecs": [entry]}) == Receivable(frozenset(), frozenset(), numbered=False)
    entry["parameters"] = {"packetization-mode": "1"}
    assert receivable({"codecs": [entry]}).codecs == {"H264"}


@pytest.mark.parametrize("capabilities", [{}, {"codecs": None}, {"codecs": [{}]}, {"codecs": [7]}])
def test_capabilities_that_cannot_be_read_are_refused(capabilities: dict[str, Any]) -> None:
    with pytest.raises(CodecUnknown):
        receivable(capabilities)


def test_browsers_are_offered_transport_wide_feedback_in_both_directions_and_no_remb() -> None:
    for codec in ROUTER_CAPABILITIES["codecs"]:
        assert "goog-remb" not in [feedback["type"] for feedback in codec["rtcpFeedback"]]
    directions = {e["direction"] for e in ROUTER_CAPABILITIES["headerExtensions"] if "transport-wide-cc" in e["uri"]}
    assert directions == {"sendrecv"}


def test_extension_numbers_and_payload_types_of_slots_are_the_routers() -> None:
    able = receivable(ROUTER_CAPABILITIES)
    for kind in ("audio", "video"):
        offer = receiving(kind, "s0", "c", able).parameters()
        known = {
            e["uri"]: e["preferredId"]
            for e in ROUTER_CAPABILITIES["headerExtensions"]
            if e["kind"] == kind and e["direction"] == "sendrecv"
        }
        assert {e["uri"]: e["id"] for e in offer["headerExtensions"]} == known
