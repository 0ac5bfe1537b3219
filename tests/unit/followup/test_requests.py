"""Requests and complaints: the way they go, and who may see them."""

from datetime import date
from typing import Any

import pytest

from followup.requests import (
    PatientRequest,
    ReplyMissingError,
    RequestKind,
    RequestState,
    RequestTrigger,
    Viewer,
    may_see,
)
from followup.states import IllegalTransitionError
from tests.support.builders import an_instant

NOW = an_instant("2026-09-29 07:20")
WAY = [
    RequestTrigger.ACCEPT,
    RequestTrigger.ASSIGN,
    RequestTrigger.INVESTIGATE,
    RequestTrigger.DECIDE,
    RequestTrigger.REPLY,
    RequestTrigger.VERIFY,
    RequestTrigger.CLOSE,
]


def a_complaint(**values: Any) -> PatientRequest:
    return PatientRequest(
        **{
            "id": "1",
            "kind": RequestKind.COMPLAINT,
            "cause": "waiting-time",
            "departments": ["超声科"],
            "text": "等了两小时四十分钟",
            "received_by": "agent",
            "received_at": NOW,
            "owner_id": "agent",
            "due_on": date(2026, 10, 12),
            **values,
        }
    )


def test_it_goes_its_way_and_nothing_is_skipped() -> None:
    one = a_complaint(reply="已增加班次", replied_at=NOW)
    for number, step in enumerate(WAY):
        for later in WAY[number + 1 :]:
            if (one.state, later) != (RequestState.ASSIGNED, RequestTrigger.ASSIGN):
                with pytest.raises(IllegalTransitionError):
                    one.move(later)
        one.move(step)
    assert one.state is RequestState.CLOSED
    assert not one.is_open


def test_nothing_goes_on_without_a_reply() -> None:
    one = a_complaint(state=RequestState.DECIDED)
    with pytest.raises(ReplyMissingError, match="without a reply"):
        one.move(RequestTrigger.REPLY)
    assert one.state is RequestState.DECIDED


def test_one_that_is_opened_again_has_to_be_answered_again() -> None:
    one = a_complaint(state=RequestState.VERIFIED, reply="已增加班次", replied_at=NOW, satisfied=False)
    one.move(RequestTrigger.REOPEN)
    assert (one.state, one.reply, one.satisfied) == (RequestState.INVESTIGATING, "", None)
    one.move(RequestTrigger.DECIDE)
    with pytest.raises(ReplyMissingError):
        one.move(RequestTrigger.REPLY)


@pytest.mark.parametrize(
    ("user", "departments", "oversees", "plain", "restricted"),
    [
        ("nurse", ["超声科"], False, True, False),
        ("nurse", ["骨科"], False, False, False),
        ("nurse", [], False, False, False),
        ("agent", [], False, True, True),
        ("agent", ["超声科"], False, True, False),
        ("chief", [], True, True, True),
        ("chief", ["超声科"], True, True, False),
    ],
)
def test_who_may_see_it(user: str, departments: list[str], oversees: bool, plain: bool, restricted: bool) -> None:
    viewer = Viewer(user_id=user, departments=departments, oversees=oversees)
    assert may_see(a_complaint(), viewer) is plain
    assert may_see(a_complaint(restricted=True), viewer) is restricted
