"""What is made of an offer, without a network: offers as browsers, FFmpeg and GStreamer write them."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription

from media import ortc
from media.messages import SlotOffer
from signaling.doors import sdp, terms
from signaling.doors.terms import NotAcceptable

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n"
COMMON = (
    "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:u\r\na=ice-pwd:0123456789012345678901\r\n"
    "a=fingerprint:SHA-256 AA:BB\r\n"
)
AUDIO = f"m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\n{COMMON}a=mid:a\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:8 PCMA/8000\r\n"
VIDEO = (
    f"m=video 9 UDP/TLS/RTP/SAVPF 45 46 98 99 96 97 100\r\n{COMMON}a=mid:v\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
    "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\n"
    "a=rtpmap:45 AV1/90000\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n"
    "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=640032\r\n"
    "a=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=0;profile-level-id=42e01f\r\n"
    "a=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n"
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
)
SSRCS = "a=ssrc-group:FID 7 8\r\na=ssrc:7 cname:c\r\na=ssrc:8 cname:c\r\n"
LAYERS = "a=rid:lo send\r\na=rid:hi send\r\na=simulcast:send lo;hi\r\n"
TRANSPORT = {
    "id": "t",
    "iceParameters": {"usernameFragment": "uf", "password": "pw", "iceLite": True},
    "iceCandidates": [
        {"foundation": "f", "priority": 7, "ip": "192.0.2.7", "protocol": "udp", "port": 9000, "type": "host"},
        {"foundation": "g", "priority": 5, "ip": "2001:db8::7", "protocol": "tcp", "port": 9000, "type": "host",
         "tcpType": "passive"},
    ],
    "dtlsParameters": {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": "CC:DD"}]},
}  # fmt: skip


def offered(*sections: str, setup: str = "actpass", direction: str = "sendonly") -> sdp.Offer:
    return sdp.read(HEAD + "".join(f"{section}a=setup:{setup}\r\na={direction}\r\n" for section in sections))


def test_an_encoder_keeps_its_numbers_and_gets_what_the_relay_heeds() -> None:
    offer = offered(AUDIO, VIDEO + SSRCS)
    sound, picture = terms.publication(offer).producers
    assert (sound.source, sound.rtp_parameters["codecs"][0]["payloadType"]) == ("microphone", 111)
    codec = picture.rtp_parameters["codecs"][0]
    assert (codec["mimeType"], codec["payloadType"]) == ("video/H264", 100)
    assert [each["uri"] for each in picture.rtp_parameters["headerExtensions"]] == [
        "urn:ietf:params:rtp-hdrext:sdes:mid"
    ]
    for producer in (sound, picture):
        ortc.sending(producer.kind, producer.rtp_parameters)


def test_a_stream_is_told_with_its_retransmissions_or_learned_by_mid() -> None:
    vp8 = VIDEO.replace("45 46 98 99 96 97 100", "96 97")
    (told,) = terms.publication(offered(vp8 + SSRCS)).producers
    assert told.rtp_parameters["encodings"] == [{"ssrc": 7, "rtx": {"ssrc": 8}}]
    assert [codec["payloadType"] for codec in told.rtp_parameters["codecs"]] == [96, 97]
    assert told.rtp_parameters["codecs"][0]["rtcpFeedback"] == [{"type": "nack", "parameter": "pli"}]
    (learned,) = terms.publication(offered(vp8)).producers
    assert (learned.rtp_parameters["encodings"], learned.rtp_parameters["mid"]) == ([], "v")


def test_layers_pass_through_by_their_names() -> None:
    offer = offered(VIDEO.replace("45 46 98 99 96 97 100", "96 97") + LAYERS)
    made = terms.publication(offer)
    assert made.producers[0].rtp_parameters["encodings"] == [{"rid": "lo"}, {"rid": "hi"}]
    answer = sdp.answer(offer, made.accepted, TRANSPORT, "recvonly")
    assert "a=rid:lo recv\r\na=rid:hi recv\r\na=simulcast:recv lo;hi\r\n" in answer
    assert "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" in answer
    ortc.sending("video", made.producers[0].rtp_parameters)


@pytest.mark.parametrize(
    ("setup", "theirs", "ours"),
    [("actpass", "client", "passive"), ("active", "client", "passive"), ("passive", "server", "active")],
)
def test_the_relay_is_dtls_server_unless_the_offer_insists_on_that(setup: str, theirs: str, ours: str) -> None:
    offer = offered(AUDIO, setup=setup)
    assert offer.dtls == {"role": theirs, "fingerprints": [{"algorithm": "sha-256", "value": "AA:BB"}]}
    answer = sdp.answer(offer, terms.publication(offer).accepted, TRANSPORT, "recvonly")
    assert f"a=setup:{ours}\r\n" in answer


def test_an_answer_is_one_bundle_on_an_ice_lite_transport_with_all_its_candidates() -> None:
    data = f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{COMMON}a=mid:d\r\na=sctp-port:5000\r\n"
    offer = offered(AUDIO, data, VIDEO)
    text = sdp.answer(offer, terms.publication(offer).accepted, TRANSPORT, "recvonly")
    answer = SessionDescription.parse(text)
    assert [(media.kind, media.port, media.rtp.muxId) for media in answer.media] == [
        ("audio", 9, "a"),
        ("application", 0, "d"),
        ("video", 9, "v"),
    ]
    assert answer.group[0].items == ["a", "v"]
    for media in (answer.media[0], answer.media[2]):
        assert media.ice is not None
        assert (media.ice.iceLite, media.ice.usernameFragment, media.ice.password) == (True, "uf", "pw")
        assert [candidate.ip for candidate in media.ice_candidates] == ["192.0.2.7", "2001:db8::7"]
        assert media.ice_candidates[1].tcpType == "passive"
        assert (media.direction, media.rtcp_mux, media.ice_candidates_complete) == ("recvonly", True, True)


def test_a_section_on_port_0_counts_when_its_bundle_is_to_carry_it() -> None:
    bundled = AUDIO.replace("m=audio 9", "m=audio 0")
    assert len(terms.publication(offered(f"{bundled}a=bundle-only\r\n", VIDEO)).producers) == 2
    assert len(terms.publication(offered(bundled, VIDEO)).producers) == 1


def test_a_player_is_fed_by_slots_in_its_own_numbers() -> None:
    more = AUDIO.replace("mid:a", "mid:b")
    offer = sdp.read(
        HEAD.replace("a v", "a v b c d")
        + "".join(
            f"{section}a=setup:actpass\r\na=recvonly\r\n"
            for section in (
                AUDIO,
                VIDEO,
                more,
                more.replace("mid:b", "mid:c"),
                more.replace("mid:b", "mid:d"),
            )
        )
    )
    wanted = terms.playback(offer)
    assert dict(wanted.slots) == {"a": "stage-audio", "v": "stage-video", "b": "audio-1", "c": "audio-2"}
    able = {(codec["mimeType"], codec["preferredPayloadType"]) for codec in wanted.rtp_capabilities["codecs"]}
    assert able == {("audio/opus", 111), ("video/H264", 100), ("video/VP8", 96), ("video/rtx", 97)}
    slots = [
        SlotOffer(
            name,
            "id",
            name,
            "video" if name == "stage-video" else "audio",
            {
                "encodings": [{"ssrc": 100 + n, **({"rtx": {"ssrc": 200}} if name == "stage-video" else {})}],
                "rtcp": {"cname": f"x.{'stage' if name.startswith('stage') else name}"},
            },
        )
        for n, name in enumerate(wanted.slots.values())
    ]
    answer = SessionDescription.parse(sdp.answer(offer, terms.fed(wanted, slots), TRANSPORT, "sendonly"))
    sound, picture, *_, beyond = answer.media
    assert beyond.port == 0
    assert (sound.msid, picture.msid) == ("x.stage stage-audio", "x.stage stage-video")
    assert [stream.ssrc for stream in picture.ssrc] == picture.ssrc_group[0].items == [101, 200]
    assert not any("sdes" in extension.uri for extension in picture.rtp.headerExtensions)


def test_a_player_that_can_only_decode_what_no_meeting_carries_is_told_so() -> None:
    with pytest.raises(NotAcceptable, match="codec_unknown"):
        terms.playback(offered(VIDEO.replace("45 46 98 99 96 97 100", "45 46"), direction="recvonly"))
