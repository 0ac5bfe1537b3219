"""Scenario S4: a stranger, a voicemail and a neighbour who asks what he has. Nothing about health is said or left."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.auth import begin_log_in
from care.consent import ConsentScope
from care.patients import NumberOwner, NumberQuality, Patient
from db.users import Role
from followup.attempts import AttemptState
from followup.dialing_rules import Mode
from followup.flows import Flow
from followup.messages import Channel
from followup.outcomes import AttemptOutcome
from followup.plans import Task
from interop.channels.local import LocalChannel
from interop.channels.sending import ChannelParts, send
from interop.channels.tasks import SEND_MESSAGE
from runtime.settings import REPOSITORY
from scheduler.notices import Notices
from scheduler.outcomes import AttemptPolicies
from telephony.line_script import answer, hang_up, ring
from tests.integration.api.house import Asking
from tests.support.builders import a_patient, a_queue, a_task
from tests.support.scenario import CONTENT, HOSPITAL_ZONE, Scenario, scenario
from tests.support.waiting import until

STRANGER, VOICEMAIL, NEIGHBOUR = "+8619900000001", "+8619900000002", "+8619900000003"
SHORT_TALK = (ring(0.0), answer(0.05), hang_up(0.3))
HOSPITAL, NUMBER = "海澜市第一人民医院", "0571-12345678"


@dataclass(kw_only=True)
class Desk:
    """P1's follow-up and the agent who calls him."""

    played: Scenario
    patient: Patient
    task: Task
    agent: Asking
    outgoing: Path

    def calls(self) -> tuple[str, dict[str, Any]]:
        """The scheduler gives her the task, the line is answered and over; the number dialed, what she saw."""
        self.played.heard_from(self.agent.user_id)
        self.played.turn()
        self.played.ended(self.task)
        until(self._wraps_up, timeout=10, what="the wrap-up has begun")
        return self.played.attempt_of(self.task).number, self.agent.get("/agents/me/call").json()

    def _wraps_up(self) -> bool:
        return self.played.attempt_of(self.task).state is AttemptState.WRAP_UP

    def says(self, outcome: AttemptOutcome) -> dict[str, Any]:
        """She says what came of it; what the system decided."""
        attempt = self.played.attempt_of(self.task)
        wrapped = self.agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": outcome.value})
        assert wrapped.status_code == 200, wrapped.text
        self.played.turn()
        (decision,) = self.agent.get(f"/attempts/{attempt.id}/decisions").json()["decisions"]
        return dict(decision)

    def waits_until(self, at: str) -> datetime:
        """The clock goes on to the hour that was decided."""
        moment = datetime.fromisoformat(at).astimezone(HOSPITAL_ZONE)
        self.comes_to_work((moment + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S"))
        return moment

    def comes_to_work(self, at: str) -> None:
        """The clock goes on and she logs in again: a log-in does not last for days."""
        self.played.move_to(at)
        assert self.agent.person is not None
        with self.played.rows() as uow:
            user = uow.users.get(self.agent.user_id)
            assert user is not None
            token, _ = begin_log_in(uow, user)
        self.agent.person = replace(self.agent.person, token=token)

    def quality(self, number: str) -> NumberQuality:
        """What is known of a number by now."""
        with self.played.units() as uow:
            patient = uow.patients.get(self.patient.id)
            assert patient is not None
            return next(point.quality for point in patient.contact_points if point.number == number)


@pytest.fixture
def desk(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Desk]:
    phones = dict.fromkeys((STRANGER, VOICEMAIL, NEIGHBOUR), SHORT_TALK)
    with scenario(database_url, broker_url, tmp_path, starts="2026-11-23 09:30", phones=phones) as played:
        notices = Notices(
            texts=CONTENT.messages,
            hospital={"zh": HOSPITAL, "en": "Hailan First People's Hospital"},
            number=NUMBER,
            mode=Mode.DEMO,
            allow_list=frozenset(),
            profile=played.gate.profile,
        )
        played.policies = AttemptPolicies(by_id=CONTENT.policies, documents=CONTENT.policy_documents, notices=notices)
        channels = ChannelParts(
            units_of_work=played.units,
            channels={Channel.SMS: LocalChannel(tmp_path / "messages")},
            mode=Mode.DEMO,
            allow_list=frozenset(),
        )
        played.follow_ups[SEND_MESSAGE] = lambda message_id: send(channels, message_id)
        with played.rows() as uow:
            queue = a_queue(uow, name="心内科出院随访", policy="default")
            scopes = (ConsentScope.PHONE, ConsentScope.SMS, ConsentScope.RECORDING, ConsentScope.RELATIVE)
            patient = a_patient(uow, name="王建国", numbers=3, scopes=scopes)
            for point, number in zip(patient.contact_points, (STRANGER, VOICEMAIL, NEIGHBOUR), strict=True):
                point.number = number
            patient.contact_points[2].owner = NumberOwner.RELATIVE
            task = a_task(uow, patient, queue, latest_at=uow.now + timedelta(days=6))
        supervisor = played.ask(Role.SUPERVISOR)
        changed = supervisor.post(f"/queues/{queue.id}/attempt-policy", {"changes": {"messages_after_misses": True}})
        assert changed.status_code == 200, changed.text
        agent = played.ask(Role.AGENT)
        with played.rows() as uow:
            own = uow.queues.agent_for_update(agent.user_id)
            assert own is not None
            own.queues, own.languages = [queue.id], ["zh"]
        played.seat(agent.user_id, "desk-1")
        yield Desk(played=played, patient=patient, task=task, agent=agent, outgoing=tmp_path / "messages")


def said_before_identity(flow: Flow) -> set[str]:
    """Every prompt and sentence of a flow that can be heard before somebody has said that he is the patient."""
    seen, heard = {flow.start}, set()
    waiting = deque([flow.start])
    while waiting:
        step = flow.steps[waiting.popleft()]
        heard |= {*step.prompts, *(prompt for again in step.again.values() for prompt in again)}
        for target in step.targets:
            if target != step.proves and target in flow.steps and target not in seen:
                seen.add(target)
                waiting.append(target)
    return heard


def prompt_texts() -> dict[str, str]:
    """What every shipped prompt says, both languages together; a sentence says its prompts."""
    folder = REPOSITORY / "content" / "prompts"
    found: dict[str, str] = {}
    for entry in yaml.safe_load((folder / "prompts.yaml").read_text(encoding="utf-8"))["prompts"]:
        found[entry["key"]] = f"{found.get(entry['key'], '')} {entry['text']}"
    for entry in yaml.safe_load((folder / "sentences.yaml").read_text(encoding="utf-8"))["sentences"]:
        parts = [part for language in ("zh", "en") for part in entry[language]]
        found[entry["key"]] = " ".join(found.get(part, "") for part in parts)
    return found


def test_three_strangers_learn_nothing_and_the_wrong_number_is_closed_to_every_queue(desk: Desk) -> None:
    played = desk.played

    # A stranger: "you have the wrong number".
    number, screen = desk.calls()
    assert number == STRANGER
    _shows_nobody(screen, desk.patient)
    decision = desk.says(AttemptOutcome.WRONG_NUMBER)
    assert (decision["action"], decision["reason"]) == ("call_again", "other_number")
    assert desk.quality(STRANGER) is NumberQuality.WRONG
    registrar = played.ask(Role.REGISTRAR)
    (search,) = registrar.get("/number-searches").json()["searches"]
    assert (search["because"], search["none_left"]) == ("wrong-number", False)

    # The second number: a voicemail. Nothing is left on it; a neutral message goes to the telephone itself.
    desk.waits_until(decision["next_at"])
    number, screen = desk.calls()
    assert number == VOICEMAIL
    _shows_nobody(screen, desk.patient)
    decision = desk.says(AttemptOutcome.ANSWERED_MACHINE)
    assert decision["action"] == "call_again"

    # The third: a neighbour, on another day. "What illness does he have?"
    local = desk.waits_until(decision["next_at"])
    assert local.date().isoformat() == "2026-11-24"
    number, screen = desk.calls()
    assert number == NEIGHBOUR
    _shows_nobody(screen, desk.patient)
    decision = desk.says(AttemptOutcome.CONNECTED_WRONG_PERSON)
    assert (decision["action"], decision["task_outcome"]) == ("other_channel", "lost-to-follow-up")

    # Only the patient's own telephone was written to, and only the hospital's name and number.
    kept = [path.read_text(encoding="utf-8") for path in sorted(desk.outgoing.iterdir())]
    assert len(kept) == 2
    for text in kept:
        assert VOICEMAIL in text
        assert HOSPITAL in text
        assert NUMBER in text
        assert desk.patient.name not in text
        assert CONTENT.health_words.found_in(text) == ()
    sent = desk.agent.get(f"/patients/{desk.patient.id}/messages").json()["messages"]
    assert sorted((each["text_key"], each["state"]) for each in sent) == [
        ("cannot_reach", "sent"),
        ("missed_call", "sent"),
    ]

    # No other queue dials the stranger either.
    with played.rows() as uow:
        queue = a_queue(uow, policy="default")
        other = a_task(uow, desk.patient, queue, latest_at=uow.now + timedelta(days=3))
        own = uow.queues.agent_for_update(desk.agent.user_id)
        assert own is not None
        own.queues = [queue.id]
    desk.comes_to_work("2026-11-26 09:30")
    played.heard_from(desk.agent.user_id)
    played.turn()
    played.ended(other)
    assert played.attempt_of(other).number != STRANGER


def _shows_nobody(screen: dict[str, Any], patient: Patient) -> None:
    """Until somebody has said who he is the agent's screen gives her nothing to tell away."""
    person = screen["patient"]
    assert person["masked"]
    assert patient.name not in str(person)
    assert patient.record_number not in str(person)
    for line in screen["script"]["lines"]:
        assert CONTENT.health_words.found_in(line["text"]["zh"] + line["text"]["en"]) == ()


@pytest.mark.parametrize("flow", sorted(CONTENT.flows))
def test_no_machine_says_a_word_about_health_before_it_knows_who_listens(flow: str) -> None:
    texts = prompt_texts()
    heard = said_before_identity(CONTENT.flows[flow])
    assert heard
    for key in heard:
        assert CONTENT.health_words.found_in(texts.get(key, "")) == (), key


def test_no_shipped_message_and_no_opening_word_of_an_agent_says_anything_about_health() -> None:
    for message in CONTENT.messages.values():
        assert CONTENT.health_words.found_in(f"{message.text.zh} {message.text.en}") == (), message.id
    for line in CONTENT.scripts["opening"].lines:
        assert CONTENT.health_words.found_in(f"{line.text.zh} {line.text.en}") == (), line.key
    texts = prompt_texts()
    for key in ("greeting", "neutral_message", "wrong_person", "goodbye"):
        assert CONTENT.health_words.found_in(texts[key]) == (), key


def test_the_list_of_words_finds_what_it_is_for() -> None:
    for text in (
        "您的化验结果出来了",
        "心内科",
        "糖尿病随访",
        "your test results",
        "the cardiology department",
        "after surgery",
    ):
        assert CONTENT.health_words.found_in(text), text
