"""The little SDP that a viewer of Janus reads and writes."""

from __future__ import annotations

import pytest

from bench.load.viewer import JanusRefused, answer_to, line_of, streams_of

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=stage",
        "t=0 0",
        "a=group:BUNDLE a v",
        "a=fingerprint:sha-256 AA:BB",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:a",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:secret",
        "a=rtpmap:111 opus/48000/2",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=ssrc:11 cname:janus",
        "a=candidate:1 1 udp 1 ::1 5000 typ host",
        "a=candidate:2 1 udp 1 127.0.0.1 5001 typ host",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "a=mid:v",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:secret",
        "a=rtpmap:96 VP8/90000",
        "a=fmtp:97 apt=96",
        "a=ssrc-group:FID 21 22",
        "a=ssrc:21 cname:janus",
        "a=ssrc:22 cname:janus",
        "",
    ]
)


def test_the_streams_of_an_offer_are_told_by_their_ssrcs() -> None:
    assert streams_of(OFFER) == [(11, "audio", 48_000), (21, "video", 90_000), (22, "repair", 90_000)]


async def test_a_line_goes_to_the_first_ipv4_candidate() -> None:
    line = line_of(OFFER)
    try:
        assert line.socket.getpeername() == ("127.0.0.1", 5001)
    finally:
        line.close()


async def test_an_offer_without_a_candidate_is_refused() -> None:
    with pytest.raises(JanusRefused):
        line_of(OFFER.replace("candidate", "unknown"))


def test_the_answer_receives_all_without_header_extensions() -> None:
    lines = answer_to(OFFER, ("127.0.0.1", 6000)).split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    ]
    assert lines.count("a=recvonly") == lines.count("a=setup:active") == 2
    assert {"a=group:BUNDLE a v", "a=mid:a", "a=mid:v", "a=rtpmap:96 VP8/90000", "a=fmtp:97 apt=96"} <= set(lines)
    assert not any("extmap" in line or "ssrc" in line for line in lines)
