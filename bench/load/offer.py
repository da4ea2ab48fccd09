"""What a load client says it sends, in the words of mediasoup-client, and the RTP streams of its camera."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MID, TRANSPORT_CC, LEVEL, RID, REPAIRED_RID = 4, 3, 1, 10, 11
VP8, VP8_REPAIR, OPUS = 96, 97, 111
KEPT = 1024
"""Packets of a layer that can be repeated."""

LAYERS = (("r0", 1), ("r1", 2), ("r2", 4))
"""Simulcast as a 1280×720 camera sends it: rid, and about how many packets a frame has."""

_URIS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": MID,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": TRANSPORT_CC,
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": LEVEL,
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": RID,
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": REPAIRED_RID,
}


def new_ssrc() -> int:
    return secrets.randbelow(0xFFFF_0000) + 1


@dataclass
class Layer:
    """One RTP stream of the camera and what can be repeated of it."""

    rid: str
    packets: int
    ssrc: int = field(default_factory=new_ssrc)
    repair_ssrc: int = field(default_factory=new_ssrc)
    sequence: int = field(default_factory=lambda: secrets.randbelow(0x4000))
    repair_sequence: int = field(default_factory=lambda: secrets.randbelow(0x4000))
    frame: int = 0
    tl0: int = 0
    sent: int = 0
    octets: int = 0
    stamp: int = 0
    wants_key: bool = True
    kept: list[tuple[int, int, int, bytes] | None] = field(
        default_factory=lambda: list[tuple[int, int, int, bytes] | None]([None] * KEPT)
    )
    """By sequence number: number, marker, time stamp, payload."""


def producers(audio_ssrc: int, layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Microphone and camera. Several layers are told by their rids alone, without SSRC, as browsers do."""
    rtcp = {"cname": "load", "reducedSize": True, "mux": True}
    picture = [_feedback("transport-cc"), _feedback("ccm", "fir"), _feedback("nack"), _feedback("nack", "pli")]
    rids = (RID, REPAIRED_RID) if len(layers) > 1 else ()
    return [
        {
            "source": "microphone",
            "kind": "audio",
            "rtp_parameters": {
                "mid": "0",
                "codecs": [_codec("audio/opus", OPUS, 48_000, channels=2, rtcpFeedback=[_feedback("transport-cc")])],
                "headerExtensions": _extensions(MID, TRANSPORT_CC, LEVEL),
                "encodings": [{"ssrc": audio_ssrc, "dtx": True}],
                "rtcp": rtcp,
            },
        },
        {
            "source": "camera",
            "kind": "video",
            "rtp_parameters": {
                "mid": "1",
                "codecs": [
                    _codec("video/VP8", VP8, 90_000, rtcpFeedback=picture),
                    _codec("video/rtx", VP8_REPAIR, 90_000, parameters={"apt": VP8}, rtcpFeedback=[]),
                ],
                "headerExtensions": _extensions(MID, TRANSPORT_CC, *rids),
                "encodings": _encodings(layers),
                "rtcp": rtcp,
            },
        },
    ]


def _encodings(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    if len(layers) == 1:
        return [{"ssrc": layers[0].ssrc, "rtx": {"ssrc": layers[0].repair_ssrc}, "dtx": False}]
    return [
        {
            "rid": layer.rid,
            "active": True,
            "scaleResolutionDownBy": 1 << len(layers) - 1 - place,
            "maxBitrate": layer.packets * 240_000,
            "scalabilityMode": "L1T3",
            "dtx": False,
        }
        for place, layer in enumerate(layers)
    ]


def _codec(mime_type: str, payload_type: int, clock_rate: int, **more: Any) -> dict[str, Any]:
    return {"mimeType": mime_type, "payloadType": payload_type, "clockRate": clock_rate, "parameters": {}, **more}


def _feedback(type: str, parameter: str = "") -> dict[str, str]:
    return {"type": type, "parameter": parameter}


def _extensions(*ids: int) -> list[dict[str, Any]]:
    return [{"uri": uri, "id": id, "encrypt": False, "parameters": {}} for uri, id in _URIS.items() if id in ids]
