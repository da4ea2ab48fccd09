"""What comes from another relay, as an uplink is told of it: a transport and parameters in mediasoup's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from media.messages import MediaParameters, PipeStream
from media.ortc import PAYLOAD_TYPES, REPAIR_TYPES, Codec
from media.outflow import LEVEL_ID
from media.rtp import AUDIO_LEVEL

if TYPE_CHECKING:
    from media.transport import Terminal

_CODECS: tuple[Codec, ...] = ("opus", "VP8", "H264")


class Sealed(Protocol):
    """A pipe, as what stands behind it sees it."""

    def send_rtcp(self, compound: bytes) -> None: ...

    def forget(self, ssrc: int) -> None:
        """An incoming stream has ended."""
        ...


class Way:
    """A transport, as an uplink sees it: the pipe, which is always connected."""

    def __init__(self, pipe: Sealed) -> None:
        self.terminal: Terminal | None = None
        self._pipe = pipe

    def send_rtcp(self, compound: bytes) -> None:
        self._pipe.send_rtcp(compound)

    def forget(self, ssrc: int) -> None:
        self._pipe.forget(ssrc)

    def tick(self, now: int) -> None:
        """Nobody checks a pipe's consent."""

    def facts(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        """The pipe serves other endpoints."""


def parameters(stream: PipeStream) -> MediaParameters:
    """A piped producer as its uplink is told of it, in mediasoup's words."""
    codec: Codec = next(known for known in _CODECS if stream.mime_type.lower().endswith("/" + known.lower()))
    codecs: list[MediaParameters] = [
        {
            "mimeType": stream.mime_type,
            "payloadType": PAYLOAD_TYPES[codec],
            "clockRate": stream.clock_rate,
            "channels": stream.channels,
        }
    ]
    encodings: list[MediaParameters] = [{"ssrc": stream.ssrc + 2 * place} for place in range(stream.encodings)]
    if codec in REPAIR_TYPES:
        codecs.append({"mimeType": "video/rtx", "payloadType": REPAIR_TYPES[codec], "clockRate": stream.clock_rate})
        for encoding in encodings:
            encoding["rtx"] = {"ssrc": encoding["ssrc"] + 1}
    if stream.encodings > 1:
        for place, encoding in enumerate(encodings):
            encoding["rid"] = f"r{place}"
    return {"codecs": codecs, "encodings": encodings, "headerExtensions": [{"uri": AUDIO_LEVEL, "id": LEVEL_ID}]}
