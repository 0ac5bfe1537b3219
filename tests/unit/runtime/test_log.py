"""What reaches a log line, through structlog and through the standard library alike."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from runtime.log import REDACTED, configure_logging
from runtime.settings import LogFormat, Settings


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logging(Settings(log_format=LogFormat.JSON), "api")
    (ours,) = root.handlers
    assert isinstance(ours, logging.StreamHandler)
    into = io.StringIO()
    ours.setStream(into)
    yield into
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def line(written: io.StringIO) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(written.getvalue().strip().splitlines()[-1])
    return last


def test_a_line_says_process_event_and_ids(written: io.StringIO) -> None:
    call_id = "12345678-1234-1234-1234-123456789012"
    structlog.get_logger("telephony").info("call_ended", call_id=call_id, recording_bytes=123456789)
    last = line(written)
    assert last["event"] == "call_ended"
    assert (last["process"], last["call_id"], last["recording_bytes"]) == ("api", call_id, 123456789)


def test_personal_keys_lose_their_values_even_deep_inside(written: io.StringIO) -> None:
    structlog.get_logger("x").info(
        "seen", name="王小明", patient_name="王小明", trunk_password="p", nested={"phone": "1380", "state": "ringing"}
    )
    last = line(written)
    assert last["name"] == last["patient_name"] == last["trunk_password"] == REDACTED
    assert last["nested"] == {"phone": REDACTED, "state": "ringing"}


@pytest.mark.parametrize("value", ["sip:13800138000@10.0.0.1", 13800138000, ["13800138000"], {"to_uri": "13800138000"}])
def test_long_digit_runs_are_masked_wherever_they_stand(written: io.StringIO, value: object) -> None:
    structlog.get_logger("x").info("dialed", target=value)
    assert "138001380" not in json.dumps(line(written))


def test_tracebacks_lose_the_rows_values(written: io.StringIO) -> None:
    refusal = "duplicate key\nDETAIL:  Key (name)=(王小明) exists.\n[parameters: {'name': '王小明'}]"
    structlog.get_logger("x").error("save_failed", exc_info=ValueError(refusal))
    assert "duplicate key" in line(written)["exception"]
    assert "王小明" not in written.getvalue()


def test_libraries_lines_pass_the_same_net(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("cannot reach %s", "13800138000")
    last = line(written)
    assert (last["event"], last["process"]) == ("cannot reach *********00", "api")
