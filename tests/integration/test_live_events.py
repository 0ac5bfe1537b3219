"""The live stream on a real broker: order, resuming, and nothing but ids."""

import asyncio

import pytest
import redis

from runtime.live_events import KEPT, STREAM, AsyncLiveStream, LiveStream


def test_a_reader_resumes_after_the_event_it_saw_last(broker_url: str) -> None:
    with LiveStream(broker_url) as stream:
        start = stream.last_id()
        first = stream.publish("call_changed", {"call": "c-1", "state": "ringing"})
        stream.publish("call_changed", {"call": "c-1", "state": "answered"})
        assert [event.ids["state"] for event in stream.read(start)] == ["ringing", "answered"]
        (second,) = stream.read(first)
        assert (second.kind, second.ids) == ("call_changed", {"call": "c-1", "state": "answered"})
        assert stream.read(second.id, block_ms=10) == []


def test_the_event_loops_reader_sees_the_same_and_knows_when_it_missed_some(broker_url: str) -> None:
    with LiveStream(broker_url) as stream:
        gone = stream.publish("agent_changed", {"agent": "a-1"})
        kept = stream.publish("agent_changed", {"agent": "a-2"})
        redis.Redis.from_url(broker_url).xtrim(STREAM, maxlen=1, approximate=False)
        newest = stream.publish("agent_changed", {"agent": "a-3"})

    async def look() -> tuple[list[str], bool, bool, str]:
        reader = AsyncLiveStream(broker_url)
        agents = [event.ids["agent"] for event in await reader.read("0-0")]
        seen = (agents, await reader.missed_some(gone), await reader.missed_some(kept), await reader.last_id())
        await reader.close()
        return seen

    assert asyncio.run(look()) == (["a-2", "a-3"], True, False, newest)


def test_the_stream_keeps_a_bounded_number_of_events(broker_url: str) -> None:
    with LiveStream(broker_url) as stream:
        for number in range(KEPT + 400):
            stream.publish("call_changed", {"call": f"c-{number}"})
        assert KEPT <= redis.Redis.from_url(broker_url).xlen(STREAM) <= KEPT + 200


@pytest.mark.parametrize("value", ["王小明", "138 0013 8000", "said: it hurts", ""])
def test_what_is_not_an_identifier_is_refused(broker_url: str, value: str) -> None:
    with LiveStream(broker_url) as stream, pytest.raises(ValueError, match="carries ids"):
        stream.publish("call_changed", {"call": value})
