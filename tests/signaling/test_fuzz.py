"""A thousand messages that no honest browser sends: each is answered with a code, and the meeting goes on unharmed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signaling_live import Browser, Stage, serve

from signaling import protocol
from signaling.rules import RULES

T = TypeVar("T")
CALLS = ("enter", "connect_media", "produce", "close_producer", "act", "devices", "quality", "look", "resync")
TAGS = tuple(str(act.__struct_config__.tag) for act in RULES)
FIELDS = ("act", "site", "item", "position", "seconds", "task", "conclusion", "rtp_capabilities", "person", "people")

scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=80)
)  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner),
    max_leaves=12,
)
nearly = st.fixed_dictionaries(
    {"act": st.sampled_from(TAGS)},
    optional={
        "site": st.sampled_from(("chair", "north", "nobody", "")) | scalars,
        "item": st.sampled_from(("a1", "a9")) | scalars,
        "position": scalars,
        "seconds": scalars,
        "task": scalars,
        "extra": anything,
    },
)


class Held:
    """A server and a delegate's browser on a loop of their own, so that each example is one quick call."""

    def __init__(self, folder: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.stage, self.chair, self.browser = self.run(self._open(folder))

    async def _open(self, folder: Any) -> tuple[Stage, Browser, Browser]:
        stage = await self._stack.enter_async_context(serve(folder))
        chair, browser = await stage.seated("chair"), await stage.seated("guest")
        await chair.act("open_meeting")
        return stage, chair, browser

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    async def _end(self) -> None:
        await self._stack.aclose()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    def close(self) -> None:
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    held = Held(tmp_path_factory.mktemp("fuzz"))
    yield held
    held.close()


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(call=st.sampled_from(CALLS), data=anything | nearly)
def test_every_message_is_answered_and_an_observer_changes_nothing(held: Held, call: str, data: Any) -> None:
    log = held.stage.hall._rooms["m"].ledger  # pyright: ignore[reportPrivateUsage]
    before = log.room
    answer = held.run(held.browser.call(call, data))
    assert set(answer) in ({"ok"}, {"error"})
    if "error" in answer:
        assert answer["error"]["code"] != "internal", answer
    if call == "act" and data != {"act": "leave"}:
        assert log.room == before
    if log.room.seat("guest").presence != "seated":
        held.run(held.browser.enter())


def test_after_it_all_the_chain_holds_and_the_meeting_goes_on(held: Held, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    assert held.run(held.chair.act("start_item", item="a1")) == {"ok": {}}
    assert held.run(held.stage.chain.verify("m")) == []
    assert set(TAGS) == {str(act.__struct_config__.tag) for act in protocol.AnyAct.__args__}
