"""The switch that stops a queue: within two seconds nothing more of it is placed, and everybody sees who pressed it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.trunks import TrunkCondition
from db.users import Role
from followup.attempts import AttemptState
from followup.calls import CallState
from followup.dialing_rules import SHORT_WAIT, GateReason
from followup.outcomes import AttemptOutcome
from followup.plans import TaskMode, TaskState
from followup.queues import AgentState, DialStyle, HeadsetState
from tests.support.builders import a_patient, a_queue, a_task, an_agent
from tests.support.scenario import Scenario, scenario
from tests.support.waiting import until

WITHIN = 10.0  # the goal is two seconds on a machine that does nothing else
WHY, MENDED = "投诉:号码名单有误", "名单已更正"


@pytest.fixture
def played(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Scenario]:
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-23 09:00") as hospital:
        yield hospital


@pytest.mark.parametrize("style", [DialStyle.PREVIEW, DialStyle.PROGRESSIVE, DialStyle.AGENTLESS])
def test_what_is_reserved_and_not_placed_is_taken_back(played: Scenario, style: DialStyle) -> None:
    boss = played.ask(Role.SUPERVISOR)
    mode = TaskMode.AUTOMATED if style is DialStyle.AGENTLESS else TaskMode.AGENT
    with played.rows() as uow:
        queue = a_queue(uow, style=style, mode=mode, lines=2)
        task = a_task(uow, a_patient(uow), queue)
        waiting = a_task(uow, a_patient(uow), queue)
    agent_id = ""
    if mode is TaskMode.AGENT:
        with played.rows() as uow:
            agent_id = an_agent(
                uow, queue, headset_wanted=False, headset_state=HeadsetState.DOWN, headset_leg_id=None
            ).id
        played.seat(agent_id, "desk-1")
    with played.rows() as uow:
        # No line is up: what is reserved waits at the node for one.
        assert uow.trunks.checked("node-1", "loopback", TrunkCondition.DOWN, "cut", now=uow.now)
    played.turn()
    with played.units() as uow:
        reserved = uow.attempts.live()
    assert reserved

    stopped = boss.post(f"/queues/{queue.id}/pause", {"reason": WHY})
    assert stopped.status_code == 200, stopped.text

    def all_back() -> bool:
        with played.units() as uow:
            return not uow.attempts.live()

    until(all_back, timeout=WITHIN, what="nothing is reserved any more")
    with played.units() as uow:
        attempt = uow.attempts.get(reserved[0].id)
        assert attempt is not None
        assert attempt.state is AttemptState.CLOSED
        assert attempt.gate["reasons"] == [GateReason.QUEUE_PAUSED]
        if style is not DialStyle.PREVIEW:
            assert attempt.outcome is AttemptOutcome.BLOCKED_BY_POLICY
        agent = uow.queues.agent(agent_id) if agent_id else None
        assert agent is None or agent.state is AgentState.AVAILABLE
        assert [row.kind for row in uow.outbox.unpublished() if row.subject == queue.id] == ["queue_changed"]
        pressed = [row for row in uow.audit.of_subject("queue", queue.id) if row.action == "queue_paused"]
        assert [(row.user_id, row.detail) for row in pressed] == [(boss.user_id, {"reason": WHY})]
    shown = next(each for each in boss.get("/queues").json()["queues"] if each["id"] == queue.id)
    assert (shown["paused"], shown["switch"]["pressed_by"], shown["switch"]["reason"]) == (
        True,
        boss.user_id,
        WHY,
    )

    # Nothing is lost by it: the tasks wait, and are called when the queue goes on and a line is there.
    with played.rows() as uow:
        uow.trunks.checked("node-1", "loopback", TrunkCondition.UP, "", now=uow.now)
    played.turn()
    with played.units() as uow:
        assert not uow.attempts.live()
        assert {uow.plans.task(each.id).state for each in (task, waiting)} == {TaskState.QUEUED}  # type: ignore[union-attr]
    boss.post(f"/queues/{queue.id}/resume", {"reason": MENDED})
    played.clock.offset += 2 * SHORT_WAIT
    if agent_id:
        played.heard_from(agent_id)
    until(played.turn, timeout=10, what="the scheduler takes the tasks up again")
    with played.units() as uow:
        assert uow.attempts.live()
    presses = boss.get(f"/queues/{queue.id}/switch").json()["presses"]
    assert [(each["stopped"], each["reason"]) for each in presses] == [
        (False, MENDED),
        (True, WHY),
    ]


def test_a_call_that_is_up_goes_on(played: Scenario) -> None:
    boss = played.ask(Role.SUPERVISOR)
    with played.rows() as uow:
        queue = a_queue(uow)
        task = a_task(uow, a_patient(uow), queue)
        agent_id = an_agent(uow, queue, headset_wanted=False, headset_state=HeadsetState.DOWN, headset_leg_id=None).id
    played.seat(agent_id, "desk-1")
    played.turn()
    call = played.bridged(task)
    assert boss.post(f"/queues/{queue.id}/pause", {"reason": "end of the round"}).status_code == 200
    answered = played.place.decided(played.place.ask("ask_gate", call.id))
    assert answered.reason == ""
    assert played.call_of(task).state is CallState.BRIDGED
