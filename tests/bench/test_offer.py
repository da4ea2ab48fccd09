from __future__ import annotations

from bench.load.offer import LAYERS, Layer, producers
from media.ortc import sending


def test_the_relay_takes_the_offer_of_one_layer() -> None:
    layer = Layer("", 4)
    microphone, camera = (sending(offer["kind"], offer["rtp_parameters"]) for offer in producers(77, [layer]))
    assert (microphone.codec, microphone.mid, microphone.extensions["urn:ietf:params:rtp-hdrext:ssrc-audio-level"]) == (
        "opus",
        "0",
        1,
    )
    assert (camera.codec, camera.mid) == ("VP8", "1")
    assert [(encoding.ssrc, encoding.repair_ssrc) for encoding in camera.encodings] == [(layer.ssrc, layer.repair_ssrc)]


def test_three_layers_are_offered_by_rid_alone() -> None:
    layers = [Layer(rid, packets) for rid, packets in LAYERS]
    camera = producers(77, layers)[1]["rtp_parameters"]
    assert [encoding["rid"] for encoding in camera["encodings"]] == ["r0", "r1", "r2"]
    assert not any("ssrc" in encoding for encoding in camera["encodings"])
    taken = sending("video", camera)
    assert [(encoding.rid, encoding.ssrc) for encoding in taken.encodings] == [("r0", None), ("r1", None), ("r2", None)]
