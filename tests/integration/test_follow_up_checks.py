"""The doctor's look at the follow-up itself: what nobody serves, who is not on duty, what was parked, old plans."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from care.patients import PatientId
from db.engine import make_engine
from db.unit_of_work import UnitOfWork, UnitsOfWork
from followup.dialing_rules import Mode
from followup.duty import HOUSE, DutyRole, DutyShift
from followup.messages import Channel, Message, MessageState
from followup.parked_tasks import ParkedTask
from followup.plans import Plan, PlanId
from runtime.content.library import Content
from runtime.identifiers import new_id
from runtime.settings import Settings
from suifang.doctor import check_content, check_flows
from suifang.findings import Finding, Verdict
from suifang.follow_up_checks import check_follow_up, check_hospital
from tests.support.builders import a_patient, a_queue, a_task, an_agent, an_encounter

SETTINGS = Settings()
CONTENT = Content(SETTINGS.content_dir)


@pytest.fixture
def units(database_url: str) -> Iterator[UnitsOfWork]:
    engine = make_engine(database_url)
    yield UnitsOfWork(engine)
    engine.dispose()


def found(units: UnitsOfWork, subject: str) -> Finding:
    (only,) = [each for each in check_follow_up(SETTINGS, CONTENT, units) if each.subject == subject]
    return only


def a_plan(uow: UnitOfWork, template_id: str, *, version: int | None = None) -> Plan:
    template = CONTENT.plans[template_id]
    encounter = an_encounter(uow, a_patient(uow), department="Cardiology")
    plan = Plan(
        id=PlanId(new_id()),
        patient_id=PatientId(encounter.patient_id),
        encounter_id=encounter.id,
        template_id=template_id,
        template_version=template.version if version is None else version,
        purpose=template.purpose,
        anchor_at=uow.now,
        created_at=uow.now,
        state_since=uow.now,
        zone="Asia/Shanghai",
    )
    uow.plans.add(plan)
    return plan


def test_a_fresh_installation_has_nothing_to_mend(units: UnitsOfWork) -> None:
    assert {each.verdict for each in check_follow_up(SETTINGS, CONTENT, units)} == {Verdict.GOOD}


def test_a_queue_that_nobody_serves_or_whose_language_nobody_speaks_is_named(units: UnitsOfWork) -> None:
    with units() as uow:
        queue = a_queue(uow, name="cardiology", language="en")
        a_task(uow, a_patient(uow), queue)
        uow.commit()
    assert "cardiology has 1 open tasks and no agent serves it" in found(units, "queues").seen
    with units() as uow:
        agent = an_agent(uow, queue, languages=["zh"])
        uow.commit()
    alone = found(units, "queues")
    assert (alone.verdict, "none of its 1 agents has the language en" in alone.seen) == (Verdict.WRONG, True)
    assert "suifang user create" in alone.mend
    with units() as uow:
        stored = uow.queues.agent(agent.id)
        assert stored is not None
        stored.languages = ["zh", "en"]
        uow.commit()
    assert found(units, "queues").verdict is Verdict.GOOD


def test_a_running_plan_with_red_signs_needs_somebody_on_duty_all_week(units: UnitsOfWork) -> None:
    with units() as uow:
        a_plan(uow, "T02")
        uow.commit()
    bare = found(units, "duty roster")
    assert (bare.verdict, "Cardiology" in bare.seen, "no nurse from" in bare.seen) == (Verdict.WRONG, True, True)
    with units() as uow:
        for role in DutyRole:
            uow.duty.add(
                DutyShift(
                    id=new_id(),
                    department=HOUSE,
                    role=role,
                    starts_at=uow.now - timedelta(hours=1),
                    ends_at=uow.now + timedelta(days=3 if role is DutyRole.HEAD else 8),
                    name="on duty",
                    phone="+8613800001234",
                    entered_at=uow.now,
                )
            )
        uow.commit()
    later = found(units, "duty roster")
    assert (later.verdict, "no head from" in later.seen, "no nurse" in later.seen) == (Verdict.NOTE, True, False)


def test_what_was_parked_and_plans_of_an_older_template_are_told_with_their_commands(units: UnitsOfWork) -> None:
    with units() as uow:
        a_plan(uow, "T05", version=0)
        uow.parked.add(
            ParkedTask(
                id=new_id(),
                name="media.ingest",
                subject="x",
                reason="?",
                first_parked_at=uow.now,
                parked_at=uow.now,
            )
        )
        message = Message(
            id=new_id(),
            channel=Channel.SMS,
            address="+8613800001234",
            language="zh",
            text_key="alert_on_duty",
            text="…",
            planned_at=uow.now,
            send_at=uow.now,
            state=MessageState.PARKED,
        )
        uow.messages.plan(message)
        uow.commit()
    for subject, words in (
        ("parked tasks", "suifang queues parked"),
        ("parked messages", "/api/v1/messages?state=parked"),
        ("plans", "suifang plans outdated"),
    ):
        finding = found(units, subject)
        assert (finding.verdict, finding.seen[0], words in finding.mend) == (Verdict.NOTE, "1", True)


@pytest.mark.parametrize(
    ("named", "mode", "verdict"),
    [
        ({}, Mode.TRIAL, Verdict.NOTE),
        ({"hospital_name": "市一医院"}, Mode.PRODUCTION, Verdict.WRONG),
        ({"hospital_name": "市一医院", "call_back_number": "010 5555"}, Mode.PRODUCTION, Verdict.NOTE),
        (
            {"hospital_name": "市一医院", "hospital_name_en": "First", "call_back_number": "010 5555"},
            Mode.PRODUCTION,
            Verdict.GOOD,
        ),
    ],
)
def test_messages_need_the_hospitals_name_and_published_number(
    named: dict[str, str], mode: Mode, verdict: Verdict
) -> None:
    (only,) = check_hospital(SETTINGS.model_copy(update={**named, "mode": mode}))
    assert (only.verdict, "SUIFANG_" in only.seen) == (verdict, verdict is not Verdict.GOOD)


def test_every_kind_of_content_is_read_and_every_flow_gone_through(tmp_path: Path) -> None:
    assert check_content(SETTINGS).verdict is not Verdict.WRONG
    assert [each.verdict for each in check_flows(SETTINGS)] == [Verdict.GOOD]
    folder = tmp_path / "content"
    folder.mkdir()
    for each in SETTINGS.content_dir.iterdir():
        if each.name not in ("red_flags", "flows"):
            (folder / each.name).symlink_to(each)
    (folder / "red_flags").mkdir()
    (folder / "flows").mkdir()
    (folder / "red_flags" / "general.yaml").write_text("nonsense: 1\n")
    (folder / "flows" / "endless.yaml").write_text("id: endless\n")
    other = SETTINGS.model_copy(update={"content_dir": folder})
    assert check_content(other).verdict is Verdict.WRONG
    assert [(each.verdict, each.seen.split(":")[0]) for each in check_flows(other)] == [(Verdict.WRONG, "endless.yaml")]
