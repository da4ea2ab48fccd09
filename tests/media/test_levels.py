"""Who is heard: every packet is 20 ms, levels are −dBov (0 is loud, 127 silence)."""

from __future__ import annotations

from media.levels import PAUSE, Levels

PACKET = 20_000
SECOND = 1_000_000


class Hall:
    """Lets several speak at once and watches who is heard."""

    def __init__(self) -> None:
        self.levels, self.now = Levels(), 10 * SECOND

    def speak(self, seconds: float, **levels: int) -> tuple[str, ...]:
        for _ in range(int(seconds * SECOND / PACKET)):
            for who, level in levels.items():
                self.levels.hear(who, level, self.now)
            self.now += PACKET
        return self.levels.heard(self.now)


def test_who_speaks_is_heard_and_who_is_silent_is_not() -> None:
    assert Hall().speak(1, an=30, binh=120) == ("an",)


def test_a_click_is_not_speech() -> None:
    hall = Hall()
    assert hall.speak(0.04, an=20) == ()
    assert hall.speak(1, an=127) == ()


def test_three_at_most_are_heard_loudest_first() -> None:
    assert Hall().speak(1, an=50, binh=20, chi=30, dung=40) == ("binh", "chi", "dung")


def test_the_pause_between_two_sentences_does_not_end_a_turn_and_a_long_silence_does() -> None:
    hall = Hall()
    hall.speak(2, an=30)
    assert hall.speak(1, an=127) == ("an",)
    assert hall.speak(1, an=30) == ("an",)
    assert hall.speak(2.5, an=127) == ()


def test_silence_may_be_no_packets_at_all() -> None:
    hall = Hall()
    hall.speak(1, an=30)
    hall.now += PAUSE - 2 * PACKET
    assert hall.levels.heard(hall.now) == ("an",)
    hall.now += 2 * PACKET
    assert hall.levels.heard(hall.now) == ()


def test_who_is_a_little_louder_does_not_overtake_and_who_is_clearly_louder_does() -> None:
    hall = Hall()
    assert hall.speak(1, an=40, binh=127) == ("an",)
    assert hall.speak(1, an=40, binh=36) == ("an", "binh")
    assert hall.speak(1, an=40, binh=25) == ("binh", "an")
    assert hall.speak(1, an=30, binh=34) == ("binh", "an")


def test_two_equally_loud_do_not_change_places() -> None:
    hall, orders = Hall(), set[tuple[str, ...]]()
    for step in range(100):
        orders.add(hall.speak(0.1, an=30 + step % 5, binh=34 - step % 5))
    assert len(orders - {(), ("an",), ("binh",)}) == 1


def test_who_is_muted_is_heard_no_more_at_once() -> None:
    hall = Hall()
    hall.speak(1, an=30, binh=40)
    hall.levels.forget("an")
    assert hall.levels.heard(hall.now) == ("binh",)
    assert hall.levels.loudest(hall.now) == ("binh",)


def test_the_order_by_loudness_names_everybody_those_who_spoke_last_first() -> None:
    hall = Hall()
    hall.speak(1, an=127, binh=127, chi=127, dung=30)
    hall.speak(3, an=127, binh=127, chi=127, dung=127)
    hall.speak(1, an=127, binh=127, chi=30, dung=127)
    assert hall.levels.loudest(hall.now) == ("chi", "dung", "an", "binh")
