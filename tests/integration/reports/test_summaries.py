"""A stage summary from draft to signature, print and link, through the API; the worker's task is run in place."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from care.advice import GivenAdvice
from care.consent import ConsentScope
from care.education import LessonWay
from care.goals import Goal, GoalState
from care.history import HistoryEntry, HistoryKind
from care.medicines import Dispense, MedicineBasis, MedicineState, MedicineStatement
from care.observations import Observation
from care.patients import Patient
from care.risk.records import AssessmentCause, RiskAssessment
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.events import EventKind
from reports.document import Letterhead
from reports.printing import PrintShop, set_print
from runtime.embedded import Engines
from runtime.identifiers import new_id
from runtime.live_events import LiveStream
from runtime.task_queue import make_task_queue
from scheduler.outcomes import AttemptPolicies
from scheduler.reconcile import Repairs
from scheduler.report_repairs import resume_stalled_prints
from tests.integration.api.house import CONTENT, REPORT_KEYS, Asking, House, open_house
from tests.support.builders import a_call, a_patient, a_queue, a_task, an_attempt, an_encounter
from tests.support.summaries import RARE_NAME

PERIOD = {"since": "2024-01-01", "until": "2026-11-15"}
SHOP = PrintShop(
    content=CONTENT.reports["stage_summary"],
    head=Letterhead(hospital="海澜市第一人民医院", hospital_en="", number="0595-5550100"),
    public_url="https://suifang.example",
    keys=REPORT_KEYS,
)


@pytest.fixture(scope="module")
def house(module_database_url: str, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all: every test has patients of its own."""
    folder: Path = tmp_path_factory.mktemp("house")
    with open_house(
        module_database_url,
        engines.broker_url,
        folder,
        hospital_name="海澜市第一人民医院",
        call_back_number="0595-5550100",
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def nurse(house: House) -> Asking:
    return house.caller(Role.AGENT)


@pytest.fixture(scope="module")
def doctor(house: House) -> Asking:
    return house.caller(Role.DOCTOR)


@pytest.fixture
def patient(house: House) -> Patient:
    """P4 with three years of glucose, a diagnosis and a call; his name has rare characters."""
    with house.rows() as uow:
        made = a_patient(
            uow,
            name=RARE_NAME,
            sex="male",
            born=date(1968, 3, 2),
            scopes=(ConsentScope.PHONE, ConsentScope.SMS),
        )
        for year, value in ((2024, 5.77), (2025, 6.2), (2026, 6.4)):
            uow.observations.put(a_result(made, "glucose_fasting", value, datetime(year, 3, 1, 1, tzinfo=UTC)))
        uow.observations.put(a_result(made, "glucose_fasting", 9.9, datetime(2023, 12, 31, 15, 59, tzinfo=UTC)))
        uow.history.put(
            HistoryEntry(
                id=new_id(),
                patient_id=made.id,
                kind=HistoryKind.CONDITION,
                code="I10",
                name="原发性高血压",
                source="hl7:HIS",
                source_key=new_id(),
                recorded_at=uow.now,
            )
        )
    return made


def a_result(patient: Patient, code: str, value: float, at: datetime, **values: Any) -> Observation:
    return Observation(
        **{
            "id": new_id(),
            "patient_id": patient.id,
            "code": code,
            "value": value,
            "unit": "mmol/L",
            "taken_at": at,
            "reference_low": 3.9,
            "reference_high": 6.1,
            "source": "hl7:LIS",
            "source_key": f"{patient.id}/{code}/{at:%Y%m%d}",
            "recorded_at": at,
            **values,
        }
    )


def drafted(nurse: Asking, patient: Patient, **period: str) -> dict[str, Any]:
    made = nurse.post(f"/patients/{patient.id}/summaries", {**PERIOD, **period})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def signed(nurse: Asking, doctor: Asking, patient: Patient) -> dict[str, Any]:
    draft = drafted(nurse, patient)
    words = {"version": 1, "conclusion": "血糖略高。", "next_steps": "三个月后复查。"}
    assert nurse.put(f"/summaries/{draft['id']}", words).status_code == 200
    answer = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def printed(house: House, caller: Asking, summary: dict[str, Any], **ask: Any) -> dict[str, Any]:
    asked = caller.post(f"/summaries/{summary['id']}/prints", ask)
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] == "waiting"
    set_print(house.units, asked.json()["id"], SHOP)
    found: dict[str, Any] = caller.get(f"/prints/{asked.json()['id']}").json()
    return found


def file_of(caller: Asking, made: dict[str, Any]) -> bytes:
    answer = caller.get(f"/prints/{made['id']}/file")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    body: bytes = answer.content
    return body


def words_of(body: bytes) -> str:
    document = pypdfium2.PdfDocument(body)
    return "\n".join(document[place].get_textpage().get_text_range() for place in range(len(document)))


def code_of(body: bytes) -> str:
    document = pypdfium2.PdfDocument(body)
    (code,) = zxingcpp.read_barcodes(document[len(document) - 1].render(scale=2).to_pil())
    return str(code.text)


def test_the_draft_holds_what_the_record_says_of_the_period_with_source_and_date(
    nurse: Asking, patient: Patient
) -> None:
    facts = drafted(nurse, patient)["facts"]
    (line,) = facts["results"]
    assert [point["value"] for point in line["points"]] == [5.77, 6.2, 6.4]
    assert {point["source"] for point in line["points"]} == {"hl7:LIS"}
    assert [condition["code"] for condition in facts["conditions"]] == ["I10"]
    assert facts["person"]["name"] == RARE_NAME


def test_every_part_of_the_record_has_its_place(house: House, nurse: Asking, patient: Patient) -> None:
    with house.rows() as uow:
        fill(uow, patient, nurse.user_id)
    facts = drafted(nurse, patient)["facts"]
    (goal,) = facts["goals"]
    assert goal["target"]["zh"] == "空腹血糖 < 6.1 mmol/L，连续2天"
    assert (goal["latest"], goal["state"]) == ("6.40 mmol/L", "active")
    (medicine,) = facts["medicines"]
    assert (medicine["name"], medicine["dose"]) == ("二甲双胍", "0.5 g 每日三次")
    assert medicine["covered"] == pytest.approx(30 / 75, abs=0.001)
    (risk,) = facts["risks"]
    assert (risk["value"], risk["band"]["zh"], risk["source"]) == ("15.85 %", "高危", "china_par v1")
    (advice,) = facts["advice"]
    assert (advice["text"]["zh"], advice["given_on"], advice["source"]) == ("少吃盐。", "2026-05-04", "salt v2")


def fill(uow: UnitOfWork, patient: Patient, user: str) -> None:
    """A goal, a medicine handed out for 30 of 75 days, a score and advice; and of each one that does not belong."""
    at = datetime(2026, 5, 4, 2, tzinfo=UTC)
    for state in (GoalState.ACTIVE, GoalState.CANCELLED):
        uow.goals.add(
            Goal(
                id=new_id(),
                patient_id=patient.id,
                template_id=None,
                title={"zh": "血糖", "en": "Glucose"},
                targets=[{"code": "glucose_fasting", "comparator": "<", "value": 6.1}],
                readings=2,
                action={"zh": "控制饮食", "en": "Diet"},
                owner_id=user,
                starts_on=date(2023, 1, 1),
                due_on=date(2026, 12, 31),
                zone="Asia/Shanghai",
                state=state,
                # Cancelled before the period: it is no goal of these years.
                state_since=at if state is GoalState.ACTIVE else datetime(2023, 2, 1, tzinfo=UTC),
                set_by=user,
                set_at=at,
            )
        )
    for medicine in (MedicineState.ACTIVE, MedicineState.STOPPED):
        uow.medicines.put(
            MedicineStatement(
                id=new_id(),
                patient_id=patient.id,
                basis=MedicineBasis.PRESCRIBED,
                code="A10BA02" if medicine is MedicineState.ACTIVE else "C09AA02",
                name="二甲双胍" if medicine is MedicineState.ACTIVE else "依那普利",
                dose="0.5 g",
                schedule="每日三次",
                state=medicine,
                source="hl7:HIS",
                source_key=new_id(),
                recorded_at=at,
            )
        )
    uow.medicines.put_dispense(
        Dispense(
            id=new_id(),
            patient_id=patient.id,
            code="A10BA02",
            name="二甲双胍",
            dispensed_on=date(2026, 9, 2),
            days_supplied=30,
            source="hl7:HIS",
            source_key=new_id(),
            recorded_at=at,
        )
    )
    for value, when in ((15.85, at), (9.9, datetime(2023, 5, 4, tzinfo=UTC))):
        uow.risk.put(
            RiskAssessment(
                id=new_id(),
                patient_id=patient.id,
                encounter_id=None,
                model="china_par",
                model_version=1,
                variant=f"v{value}",
                value=value,
                unit="%",
                band="high",
                out_of_range=False,
                inputs=[],
                titles={"model": {"zh": "10年风险", "en": "10-year risk"}, "band": {"zh": "高危", "en": "high"}},
                assessed_at=when,
                valid_until=None,
                cause=AssessmentCause.ASKED,
                recorded_at=when,
                recorded_by=user,
            ),
            in_place_of=(),
        )
    for words, withdrawn in (("少吃盐。", None), ("多吃香蕉。", at)):
        uow.advice.add(
            GivenAdvice(
                id=new_id(),
                patient_id=patient.id,
                article_id="salt",
                article_version=2,
                language="zh",
                text=words,
                facts={},
                way=next(iter(LessonWay)),
                given_at=at,
                given_by=user,
                withdrawn_at=withdrawn,
            )
        )


def test_contacts_are_those_of_the_period_with_what_came_of_them(house: House, nurse: Asking, patient: Patient) -> None:
    with house.rows() as uow:
        today = uow.now.astimezone(ZoneInfo("Asia/Shanghai")).date()
        attempt = an_attempt(uow, a_task(uow, patient, a_queue(uow)), outcome="connected-patient")
        a_call(uow, attempt)
    facts = drafted(nurse, patient, until=(today - timedelta(days=1)).isoformat())["facts"]
    assert facts["contacts"] == []
    facts = drafted(nurse, patient, until=today.isoformat())["facts"]
    assert [(each["way"], each["outcome"], each["reached"]) for each in facts["contacts"]] == [
        ("call", "connected-patient", True)
    ]


def test_a_second_user_comes_to_the_draft_that_is_there(nurse: Asking, house: House, patient: Patient) -> None:
    draft = drafted(nurse, patient)
    second = house.caller(Role.SUPERVISOR)
    again = second.post(f"/patients/{patient.id}/summaries", PERIOD)
    assert (again.status_code, again.json()["id"]) == (200, draft["id"])
    assert nurse.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "一"}).status_code == 200
    late = second.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "二"})
    assert (late.status_code, late.json()["code"]) == (409, "summary_changed")
    assert nurse.get(f"/summaries/{draft['id']}").json()["conclusion"] == "一"


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("2026-02-01", "2026-01-01", "since"),
        ("2026-01-01", "2999-01-01", "until"),
        ("2001-01-01", "2026-01-01", "since"),
    ],
)
def test_a_period_that_cannot_be_is_refused_by_its_field(
    nurse: Asking, patient: Patient, since: str, until: str, field: str
) -> None:
    answer = nurse.post(f"/patients/{patient.id}/summaries", {"since": since, "until": until})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_only_a_doctor_signs_what_was_read_and_has_a_conclusion(
    nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    assert nurse.post(f"/summaries/{draft['id']}/sign", {"version": 1}).status_code == 403
    empty = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 1})
    assert (empty.status_code, "no conclusion" in empty.json()["reason"]) == (409, True)
    nurse.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "好"})
    unread = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 1})
    assert (unread.status_code, unread.json()["code"]) == (409, "summary_changed")
    assert doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2}).json()["state"] == "signed"


def test_words_that_no_font_has_are_refused_before_the_signature(
    nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    nurse.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "很好😀"})
    answer = doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2})
    assert (answer.status_code, answer.json()["field"]) == (409, "conclusion")
    assert "U+1F600" in answer.json()["reason"]


def test_a_signed_summary_keeps_its_numbers_when_the_record_goes_on(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    before = printed(house, nurse, summary)
    with house.rows() as uow:
        correction = a_result(patient, "glucose_fasting", 4.2, datetime(2026, 3, 1, 1, tzinfo=UTC), status="corrected")
        uow.observations.put(correction)
        uow.patients.get(patient.id).name = "改名"  # type: ignore[union-attr]
    after = printed(house, nurse, summary)
    for body in (file_of(nurse, before), file_of(nurse, after)):
        assert "6.40" in words_of(body)
        assert RARE_NAME in words_of(body)
    assert nurse.get(f"/summaries/{summary['id']}").json()["facts"] == summary["facts"]
    # A new draft has the corrected number, and gathered twice it is the same but for the instant.
    draft = drafted(nurse, patient)
    again = nurse.post(f"/summaries/{draft['id']}/gather", {"version": 1}).json()
    assert again["facts"]["results"][0]["points"][-1]["value"] == 4.2
    assert {**draft["facts"], "gathered_at": ""} == {**again["facts"], "gathered_at": ""}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stage_summaries SET conclusion = '改了' WHERE id = :id",
        "UPDATE stage_summaries SET facts = '{}' WHERE id = :id",
        "UPDATE stage_summaries SET content_sha256 = '' WHERE id = :id",
        "UPDATE stage_summaries SET state = 'draft' WHERE id = :id",
        "DELETE FROM stage_summaries WHERE id = :id",
        "UPDATE summary_addenda SET text = '改了'",
        "DELETE FROM report_prints",
    ],
)
def test_the_database_itself_keeps_what_is_signed(
    house: House, nurse: Asking, doctor: Asking, patient: Patient, change: str
) -> None:
    summary = signed(nurse, doctor, patient)
    with house.units.engine.begin() as connection, pytest.raises(DBAPIError, match=r"signed summary|append-only"):
        connection.execute(text(change), {"id": summary["id"]} if ":id" in change else {})


def test_prints_are_an_original_then_copies_and_every_one_is_logged(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    assert printed(house, nurse, draft, size="normal")["kind"] == "draft"
    nurse.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "好"})
    doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2})
    original = printed(house, nurse, draft)
    copy = printed(house, doctor, draft, language="en", size="normal")
    assert [(each["ordinal"], each["kind"], each["state"]) for each in (original, copy)] == [
        (2, "original", "ready"),
        (3, "copy", "ready"),
    ]
    assert original["size"] == "normal"
    assert "副本" not in words_of(file_of(nurse, original))
    english = words_of(file_of(nurse, copy))
    assert "COPY" in english
    assert "Stage Health Summary" in english
    listed = nurse.get(f"/summaries/{draft['id']}/prints").json()["prints"]
    assert [each["asked_by"] for each in listed] == [nurse.user_id, nurse.user_id, doctor.user_id]
    with house.units() as uow:
        lines = [line for line in uow.audit.of_subject("summary", draft["id"]) if line.action.startswith("report_")]
    assert [line.action for line in lines] == ["report_printed"] * 3 + ["report_fetched"] * 2
    assert lines[2].detail["kind"] == "copy"


def test_the_old_get_large_print_without_being_asked(house: House, nurse: Asking, patient: Patient) -> None:
    with house.rows() as uow:
        uow.patients.get(patient.id).born = date(1940, 1, 1)  # type: ignore[union-attr]
    draft = drafted(nurse, patient)
    assert nurse.post(f"/summaries/{draft['id']}/prints", {}).json()["size"] == "large"


def test_a_print_that_waits_says_how_many_are_ahead_and_its_file_is_not_there_yet(
    house: House, nurse: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    first = nurse.post(f"/summaries/{draft['id']}/prints", {}).json()
    second = nurse.post(f"/summaries/{draft['id']}/prints", {}).json()
    assert second["ahead"] == first["ahead"] + 1
    early = nurse.get(f"/prints/{second['id']}/file")
    assert (early.status_code, early.headers["retry-after"]) == (409, "1")
    set_print(house.units, first["id"], SHOP)
    assert nurse.get(f"/prints/{second['id']}").json()["ahead"] == first["ahead"]
    set_print(house.units, second["id"], SHOP)
    # Delivered again, the task finds its work done.
    before = nurse.get(f"/prints/{second['id']}").json()
    set_print(house.units, second["id"], SHOP)
    assert nurse.get(f"/prints/{second['id']}").json() == before


def test_a_print_whose_worker_died_over_it_is_set_by_the_next(house: House, nurse: Asking, patient: Patient) -> None:
    asked = nurse.post(f"/summaries/{drafted(nurse, patient)['id']}/prints", {}).json()
    with house.rows() as uow:
        dying = uow.summaries.print_for_update(asked["id"])
        assert dying is not None
        dying.begin(uow.now)
    assert nurse.get(f"/prints/{asked['id']}").json()["state"] == "setting"
    set_print(house.units, asked["id"], SHOP)
    assert nurse.get(f"/prints/{asked['id']}").json()["state"] == "ready"


def test_a_print_that_was_overtaken_by_a_signature_or_a_withdrawal_is_not_set(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    assert draft["id"] in [each["id"] for each in doctor.get("/summaries/unsigned").json()["summaries"]]
    nurse.put(f"/summaries/{draft['id']}", {"version": 1, "conclusion": "好"})
    of_draft = nurse.post(f"/summaries/{draft['id']}/prints", {}).json()
    doctor.post(f"/summaries/{draft['id']}/sign", {"version": 2})
    of_signed = nurse.post(f"/summaries/{draft['id']}/prints", {}).json()
    doctor.post(f"/summaries/{draft['id']}/withdraw", {"reason": "写错了"})
    for made in (of_draft, of_signed):
        set_print(house.units, made["id"], SHOP)
        after = nurse.get(f"/prints/{made['id']}").json()
        assert (after["state"], "print it again" in after["reason"]) == ("failed", True)
    assert draft["id"] not in [each["id"] for each in doctor.get("/summaries/unsigned").json()["summaries"]]


def test_the_file_of_a_print_is_shut_when_the_summary_was_withdrawn_since(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    made = printed(house, nurse, summary)
    doctor.post(f"/summaries/{summary['id']}/withdraw", {"reason": "写错了"})
    refused = nurse.get(f"/prints/{made['id']}/file")
    assert (refused.status_code, "print it again" in refused.json()["reason"]) == (409, True)


def test_the_code_of_the_six_hundredth_print_is_genuine_too(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    printed(house, nurse, summary)
    with house.units.engine.begin() as connection:
        connection.execute(text("UPDATE report_prints SET ordinal = 599 WHERE summary_id = :id"), {"id": summary["id"]})
        copies = (
            "INSERT INTO report_prints SELECT (jsonb_populate_record(made, jsonb_build_object("
            "'id', gen_random_uuid(), 'ordinal', place))).* FROM report_prints made, generate_series(1, 598) AS place "
            "WHERE summary_id = :id"
        )
        connection.execute(text(copies), {"id": summary["id"]})
    made = printed(house, nurse, summary)
    assert (made["ordinal"], made["kind"]) == (600, "copy")
    path = code_of(file_of(nurse, made)).removeprefix("https://suifang.example")
    assert house.client.get(path).status_code == 200


def test_drafts_of_other_departments_keep_none_of_ones_own_out_of_the_list(house: House, nurse: Asking) -> None:
    eyes = house.caller(Role.DOCTOR)
    with house.rows() as uow:
        theirs, own = a_patient(uow), a_patient(uow)
        an_encounter(uow, theirs, department="心内科")
        an_encounter(uow, own, department="眼科")
        user = uow.users.get(eyes.user_id)
        assert user is not None
        user.departments = ["眼科"]
    other, draft = drafted(nurse, theirs), drafted(nurse, own)
    with house.units() as uow:
        (only,) = uow.summaries.unsigned(opened=lambda patient_id: patient_id == own.id, limit=1)
        assert only.id == draft["id"]
    seen = {each["id"] for each in eyes.get("/summaries/unsigned").json()["summaries"]}
    assert (draft["id"] in seen, other["id"] in seen) == (True, False)


def test_a_bound_is_told_as_a_bound(house: House, nurse: Asking, patient: Patient) -> None:
    with house.rows() as uow:
        at = datetime(2026, 9, 3, 1, tzinfo=UTC)
        uow.observations.put(a_result(patient, "hba1c", 14.0, at, unit="%", text=">14"))
    draft = drafted(nurse, patient)
    (line,) = (each for each in draft["facts"]["results"] if each["code"] == "hba1c")
    assert [point["text"] for point in line["points"]] == [">14"]
    assert ">14" in words_of(file_of(nurse, printed(house, nurse, draft)))


def test_a_name_that_no_font_has_fails_with_the_letter_and_what_to_do(
    house: House, nurse: Asking, patient: Patient
) -> None:
    with house.rows() as uow:
        uow.patients.get(patient.id).name = "王\U0002ebf0"  # type: ignore[union-attr]
    made = printed(house, nurse, drafted(nurse, patient))
    assert made["state"] == "failed"
    assert "U+2EBF0" in made["reason"]
    assert "SUIFANG_FONT_FOLDERS" in made["reason"]
    answer = nurse.get(f"/prints/{made['id']}/file")
    assert (answer.status_code, "U+2EBF0" in answer.json()["reason"]) == (409, True)


def test_a_lost_print_is_sent_to_the_workers_again_and_given_up_after_hours(
    house: House, engines: Engines, nurse: Asking, patient: Patient
) -> None:
    draft = drafted(nurse, patient)
    lost = nurse.post(f"/summaries/{draft['id']}/prints", {}).json()
    repair(house, engines)
    assert times_asked(house, lost["id"]) == 1
    age(house, lost["id"], minutes=5)
    repair(house, engines)
    assert times_asked(house, lost["id"]) == 2
    age(house, lost["id"], minutes=600)
    repair(house, engines)
    after = nurse.get(f"/prints/{lost['id']}").json()
    assert (after["state"], "suifang worker" in after["reason"]) == ("failed", True)


def times_asked(house: House, print_id: str) -> int:
    with house.units() as uow:
        rows = [row for row in uow.outbox.unpublished(limit=10_000) if row.subject == print_id]
    return sum(row.kind == EventKind.PRINT_ASKED for row in rows)


def repair(house: House, engines: Engines) -> None:
    with LiveStream(engines.broker_url) as live:
        resume_stalled_prints(
            Repairs(
                units_of_work=house.units,
                task_queue=make_task_queue(engines.broker_url),
                live=live,
                policies=AttemptPolicies(by_id={}),
                ring=timedelta(seconds=30),
            )
        )


def age(house: House, print_id: str, *, minutes: int) -> None:
    with house.units.engine.begin() as connection:
        connection.execute(
            text("UPDATE report_prints SET asked_at = now() - make_interval(mins => :minutes) WHERE id = :id"),
            {"minutes": minutes, "id": print_id},
        )


def test_a_file_is_let_go_after_its_day_and_can_be_printed_anew(house: House, nurse: Asking, patient: Patient) -> None:
    made = printed(house, nurse, drafted(nurse, patient))
    with house.units.engine.begin() as connection:
        connection.execute(text("UPDATE report_files SET keep_until = now() - interval '1 second'"))
    again = nurse.post(f"/summaries/{made['summary_id']}/prints", {}).json()
    set_print(house.units, again["id"], SHOP)
    gone = nurse.get(f"/prints/{made['id']}/file")
    assert (gone.status_code, gone.json()["code"]) == (410, "report_file_gone")
    assert file_of(nurse, again)


def test_the_code_on_the_paper_tells_genuine_number_and_signature_and_nothing_of_health(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    address = code_of(file_of(nurse, printed(house, nurse, summary)))
    assert address.startswith("https://suifang.example/v/")
    page = house.client.get(address.removeprefix("https://suifang.example"))
    assert page.status_code == 200
    for word in ("真实", summary["number"], "王敏"):
        assert word in page.text
    for word in (RARE_NAME, patient.record_number, "血糖", "高血压", "6.4", "I10"):
        assert word not in page.text
    checked = nurse.post("/report-checks", {"token": address}, key=None).json()
    assert (checked["genuine"], checked["withdrawn"], checked["number"]) == (True, False, summary["number"])


def test_a_forged_or_foreign_code_is_not_genuine(house: House, nurse: Asking, doctor: Asking, patient: Patient) -> None:
    summary = signed(nurse, doctor, patient)
    address = code_of(file_of(nurse, printed(house, nurse, summary)))
    token = address.rsplit("/", 1)[-1]
    number, ordinal, digest, seal = token.split(".")
    forgeries = [
        "nonsense",
        f"{number}.{ordinal}.{digest}",
        f"{number}.7.{digest}.{seal}",
        f"SF2020-000001.{ordinal}.{digest}.{seal}",
        f"{number}.{ordinal}.{'0' * len(digest)}.{seal}",
        f"{number}.{ordinal}.{digest}.{seal[:-2]}xx",
        "x" * 400,
        "%00",
    ]
    for forged in forgeries:
        page = house.client.get(f"/v/{forged}")
        assert page.status_code == 404, forged
        assert "无法核实" in page.text
        assert summary["number"] not in page.text
    assert nurse.post("/report-checks", {"token": "nonsense"}, key=None).json()["genuine"] is False


def test_content_changed_behind_our_back_is_neither_genuine_nor_printed(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    address = code_of(file_of(nurse, printed(house, nurse, summary)))
    with house.units.engine.begin() as connection:
        connection.execute(text("ALTER TABLE stage_summaries DISABLE TRIGGER stage_summaries_keep_signed"))
        connection.execute(
            text("UPDATE stage_summaries SET conclusion = '可以停药' WHERE id = :id"), {"id": summary["id"]}
        )
        connection.execute(text("ALTER TABLE stage_summaries ENABLE TRIGGER stage_summaries_keep_signed"))
    assert house.client.get(address.removeprefix("https://suifang.example")).status_code == 404
    made = printed(house, nurse, summary)
    assert (made["state"], "not what was signed" in made["reason"]) == ("failed", True)


def test_a_later_word_is_counted_and_a_withdrawn_document_says_so(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    path = code_of(file_of(nurse, printed(house, nurse, summary))).removeprefix("https://suifang.example")
    assert nurse.post(f"/summaries/{summary['id']}/addenda", {"text": "x"}).status_code == 403
    assert doctor.post(f"/summaries/{summary['id']}/addenda", {"text": "复查提前到一个月。"}).status_code == 201
    assert "1条补充说明" in house.client.get(path).text
    newer = printed(house, nurse, summary)
    assert "复查提前到一个月" in words_of(file_of(nurse, newer))
    assert doctor.post(f"/summaries/{summary['id']}/withdraw", {"reason": "不是这位病人的结果"}).status_code == 200
    page = house.client.get(path).text
    assert "已作废" in page
    assert "真实" not in page
    withdrawn = words_of(file_of(nurse, printed(house, nurse, summary)))
    assert "不是这位病人的结果" in withdrawn
    assert doctor.post(f"/summaries/{summary['id']}/addenda", {"text": "x"}).status_code == 409


def test_an_unsigned_summary_is_not_sent(house: House, nurse: Asking, doctor: Asking, patient: Patient) -> None:
    draft = drafted(nurse, patient)
    refused = nurse.post(f"/summaries/{draft['id']}/send", {})
    assert refused.status_code == 409
    assert "only once a doctor has signed" in refused.json()["reason"]
    nurse.post(f"/summaries/{draft['id']}/discard", {"reason": "不需要了"})
    assert nurse.post(f"/summaries/{draft['id']}/send", {}).status_code == 409
    assert nurse.post(f"/summaries/{draft['id']}/prints", {}).status_code == 409
    with house.units() as uow:
        assert [each for each in uow.messages.of_patient(patient.id) if each.text_key == "report_link"] == []
        assert uow.links.of_summary(draft["id"]) == []


def test_the_patient_is_written_a_neutral_word_and_reads_once_after_his_birthday(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    sent = nurse.post(f"/summaries/{summary['id']}/send", {})
    assert sent.status_code == 201, sent.text
    assert sent.json()["address"] is None
    with house.units() as uow:
        message = uow.messages.get(sent.json()["message_id"])
        assert message is not None
        assert CONTENT.health_words.found_in(message.text) == ()
        assert (message.purpose.value if message.purpose else None, message.task_id) == ("care", None)
        found = re.search(r"/r/([\w-]+)", message.text)
    assert found is not None
    path = f"/r/{found[1]}"
    client = house.client
    client.cookies.clear()
    first = client.get(path)
    assert first.status_code == 200
    assert "出生" in first.text
    assert RARE_NAME not in first.text
    assert client.get(f"{path}/file", follow_redirects=False).status_code == 303
    wrong = client.post(f"{path}/identity", data={"month": "3", "day": "3"})
    assert "不对" in wrong.text
    right = client.post(f"{path}/identity", data={"month": "3", "day": "2"})
    assert "正在生成" in right.text
    set_print(house.units, sent.json()["print_id"], SHOP)
    assert "打开文件" in client.get(path).text
    body = client.get(f"{path}/file")
    assert body.headers["content-type"] == "application/pdf"
    assert "电子副本" in words_of(body.content)
    # Another browser comes too late, and so does this one after its half hour.
    ours = dict(client.cookies)
    client.cookies.clear()
    assert client.get(path).status_code == 404
    assert client.get(f"{path}/file").status_code == 404
    with house.rows() as uow:
        (link,) = uow.links.of_summary(summary["id"])
        link.visit_until = uow.now - timedelta(seconds=1)
    client.cookies.update(ours)
    assert client.get(f"{path}/file").status_code == 404
    with house.units() as uow:
        actions = [line.action for line in uow.audit.of_subject("report_link", link.id)]
    assert actions == ["identity_failed", "identity_confirmed", "report_read_by_patient"]
    assert nurse.get(f"/summaries/{summary['id']}/links").json()["links"][0]["opened_at"]


def handed_over(nurse: Asking, summary: dict[str, Any]) -> str:
    sent = nurse.post(f"/summaries/{summary['id']}/send", {"deliver": False})
    assert sent.status_code == 201, sent.text
    return f"/r/{sent.json()['address'].rsplit('/', 1)[-1]}"


def test_a_link_that_is_replaced_ended_withdrawn_or_made_up_shows_one_and_the_same_page(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    house.client.cookies.clear()
    replaced = handed_over(nurse, summary)
    ended = handed_over(nurse, summary)
    assert house.client.get(ended).status_code == 200
    nurse.post(f"/summaries/{summary['id']}/links/end")
    withdrawn = handed_over(nurse, summary)
    doctor.post(f"/summaries/{summary['id']}/withdraw", {"reason": "写错了"})
    pages = {house.client.get(path).text for path in (replaced, ended, withdrawn, "/r/made-up")}
    assert len(pages) == 1
    assert "失效" in pages.pop()


def test_guessing_birthdays_closes_the_link(house: House, nurse: Asking, doctor: Asking, patient: Patient) -> None:
    path = handed_over(nurse, signed(nurse, doctor, patient))
    house.client.cookies.clear()
    for day in range(10, 15):
        house.client.post(f"{path}/identity", data={"month": "12", "day": str(day)})
    assert house.client.post(f"{path}/identity", data={"month": "3", "day": "2"}).status_code == 404


def test_without_consent_to_messages_nothing_is_sent_and_nothing_is_left_behind(
    house: House, nurse: Asking, doctor: Asking
) -> None:
    with house.rows() as uow:
        silent = a_patient(uow, born=date(1960, 1, 1), scopes=(ConsentScope.PHONE,))
    summary = signed(nurse, doctor, silent)
    answer = nurse.post(f"/summaries/{summary['id']}/send", {})
    assert (answer.status_code, "consent" in answer.json()["reason"]) == (409, True)
    with house.units() as uow:
        assert uow.links.of_summary(summary["id"]) == []
        assert uow.summaries.prints_of(summary["id"]) == []


def test_a_merged_record_takes_its_signed_summaries_along(
    house: House, nurse: Asking, doctor: Asking, patient: Patient
) -> None:
    summary = signed(nurse, doctor, patient)
    path = code_of(file_of(nurse, printed(house, nurse, summary))).removeprefix("https://suifang.example")
    with house.rows() as uow:
        other = a_patient(uow).id
        uow.merges.merge(from_patient=patient.id, into_patient=other, reason="同一个人", by=doctor.user_id, at=uow.now)
    listed = nurse.get(f"/patients/{other}/summaries").json()["summaries"]
    assert [each["number"] for each in listed] == [summary["number"]]
    assert house.client.get(path).status_code == 200
