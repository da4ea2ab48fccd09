"""The load client in a small meeting of the whole product, by the shipped command."""

from __future__ import annotations

from bench.assembly import Assembly
from bench.load.process import LoadProcess


def test_in_a_small_meeting_every_packet_arrives_and_every_opened_one_is_what_was_sent() -> None:
    with Assembly(3) as assembly:
        assembly.fill(3)
        window = assembly.window(1.0, opened=10)
        counts = assembly.crowd.ask("counts", group="relay")
        sent = assembly.stage.ask("sent")
    assert window.expected > 3 * 50
    assert window.arrived == window.expected
    assert window.compared >= window.arrived // 10
    assert (window.differing, window.dropped, counts["lost"], counts["strange"]) == (0, 0, 0, 0)
    assert window.used > 0
    assert window.feedbacks > 0
    assert sent["key_frames"] >= 1


def test_the_floor_sends_what_it_says_to_every_socket() -> None:
    floor, crowd = LoadProcess(module="bench.floor"), LoadProcess()
    try:
        crowd.ask("focus", group="floor")
        ports = crowd.ask("ears", port=floor.ask("port")["port"], count=20)["ports"]
        floor.ask("aim", ports=ports)
        ran = floor.ask("run", seconds=0.5, shape="chromium", frames=25.0)
        for _ in range(200):
            arrived = crowd.ask("counts", group="floor")["media"]
            if arrived == ran["sent"]:
                break
    finally:
        floor.stop()
        crowd.stop()
    assert arrived == ran["sent"] == 20 * (4 * 12 + 25)
    assert ran["unsent"] == 0
    assert ran["us_per_packet"] > 0
