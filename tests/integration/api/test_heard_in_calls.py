"""What a transcript proposes: outline, answers, decisions one by one and together, and what a signature keeps."""

from typing import Any
from zoneinfo import ZoneInfo

from db.users import Role
from followup.attempts import Attempt, AttemptState
from followup.events import EventKind
from followup.outcomes import AttemptOutcome
from followup.recordings import RecordingState, Transcript
from runtime.identifiers import new_id
from runtime.settings import REPOSITORY
from runtime.worker_context import forget_parts, provide
from tests.integration.api.house import CONTENT, Asking, House
from tests.integration.api.test_attempts_and_notes import NOBODY, answer, events, in_hand
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.language_model import language_model
from tests.support.spoken_turns import a_talk
from transcription.attempt_notes import draft_for_attempt
from transcription.attempt_proposals import propose_from_recording
from transcription.free_summary import LanguageModel, load_summary_instructions
from transcription.note_material import NoteMaterial
from transcription.note_summaries import SummaryParts, summarize_note
from transcription.note_words import load_note_words
from transcription.question_phrases import load_question_phrases
from transcription.red_flags import GENERAL, RedFlagSets, load_red_flags

FOLDER = REPOSITORY / "content"
GENERAL_SIGNS = load_red_flags(FOLDER / "red_flags")[GENERAL]
CHEST_PAIN = tuple(flag for flag in GENERAL_SIGNS.flags if flag.code == "chest_pain")
MATERIAL = NoteMaterial(
    zone=ZoneInfo("Asia/Shanghai"),
    forms=CONTENT.forms,
    words=load_note_words(FOLDER / "note_words" / "words.yaml"),
    questions=load_question_phrases(FOLDER / "heard_answers.yaml"),
    red_flags=RedFlagSets({GENERAL: GENERAL_SIGNS.model_copy(update={"flags": CHEST_PAIN})}),
)
TALK = """
A: 您现在感觉怎么样？
P: 好多了，就是晚上有点咳嗽。
A: 出院带的药都拿到了吗？
P: 都拿到了。
A: 过去七天漏服了几天？
P: 有两天忘了吃阿司匹林。
"""
LATER = """
A: 您现在感觉怎么样？
P: 好多了，就是晚上有点咳嗽，还胸口痛。
A: 出院带的药都拿到了吗？
P: 都拿到了。
A: 过去七天漏服了几天？
P: 有三天忘了吃阿司匹林。
"""


def transcribed(house: House, attempt: Attempt, talk: str) -> str:
    """The attempt's recording has a (new) transcript of this talk, and what it proposes is there."""
    with house.rows() as uow:
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        recording = uow.recordings.of_call(call.id) or a_recording(
            uow, call, REPOSITORY / "nowhere", state=RecordingState.TRANSCRIBED
        )
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=recording.id,
                language="zh",
                engine="written",
                model="none",
                parameters={},
                turns=a_talk(talk),
                created_at=uow.now,
            )
        )
        recording_id = recording.id
    propose_from_recording(house.units, MATERIAL, recording_id)
    return recording_id


def heard(asking: Asking, attempt: Attempt) -> dict[str, dict[str, Any]]:
    answers = asking.get(f"/attempts/{attempt.id}/heard-answers").json()["answers"]
    return {each["link_id"]: each for each in answers}


def noted(house: House, agent: Asking, talk: str = TALK) -> tuple[Attempt, dict[str, Any]]:
    """An attempt whose agent has wrapped up, with its draft and the talk's transcript."""
    attempt = in_hand(house, agent.user_id)
    note = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient"}).json()
    transcribed(house, attempt, talk)
    return attempt, note


def test_answers_are_proposed_in_wrap_up_and_written_only_when_a_person_accepts(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id)
    answer(agent, attempt, "missed_days", 0)
    transcribed(house, attempt, TALK)
    found = heard(agent, attempt)
    assert {key: (each["value"], each["entered"], each["said"]["zh"]) for key, each in found.items()} == {
        "feeling": ("better", None, "好转"),
        "medicines_obtained": (True, None, "是"),
        "missed_days": (2, 0, "2 d"),
    }
    assert found["missed_days"]["asked"] == "过去7天漏服了几天？"
    assert found["missed_days"]["quote"] == "有2天忘了吃阿司匹林。"
    assert agent.get(f"/attempts/{attempt.id}").json()["answers"] == {"missed_days": 0}
    assert [each["id"] for each in agent.get("/agents/me/heard-answers").json()["answers"]] == [
        found[key]["id"] for key in ("feeling", "medicines_obtained", "missed_days")
    ]
    taken = agent.post(f"/heard-answers/{found['missed_days']['id']}/accept").json()
    assert (taken["state"], taken["entered"], taken["decided_by"]) == ("accepted", 2, agent.user_id)
    left = agent.post(f"/heard-answers/{found['feeling']['id']}/dismiss").json()
    assert (left["state"], left["entered"]) == ("dismissed", None)
    assert agent.get(f"/attempts/{attempt.id}").json()["answers"] == {"missed_days": 2}
    with house.rows() as uow:
        (response,) = uow.responses.all_of_task(attempt.task_id)
        history = [
            (given.link_id, given.value, given.mode.value, given.by) for given in uow.responses.history(response.id)
        ]
    assert history == [("missed_days", 0, "agent", agent.user_id), ("missed_days", 2, "agent", agent.user_id)]
    late = agent.post(f"/heard-answers/{found['feeling']['id']}/accept")
    assert (late.status_code, late.json()["code"]) == (409, "not_possible_now")
    assert agent.post(f"/heard-answers/{NOBODY}/accept").json()["code"] == "unknown_heard_answer"
    assert agent.get(f"/notes/{NOBODY}/outline").json()["code"] == "unknown_note"
    assert events(house, attempt.id)[-1:] == [EventKind.ANSWERS_HEARD]
    with house.rows() as uow:
        for action, kind, subject in (
            ("heard_answers_viewed", "attempt", attempt.id),
            ("heard_answer_accepted", "heard_answer", found["missed_days"]["id"]),
        ):
            assert uow.audit.has(user_id=agent.user_id, action=action, subject_kind=kind, subject=subject)


def test_an_accepted_answer_amends_a_form_that_is_complete_with_the_second_as_reason(
    house: House, agent: Asking
) -> None:
    attempt = in_hand(house, agent.user_id)
    given = {
        "feeling": "better",
        "medicines_obtained": True,
        "missed_days": 0,
        "knows_appointment": True,
        "knows_whom_to_call": True,
    }
    for item, value in given.items():
        answer(agent, attempt, item, value)
    agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient", "task_result": "completed"})
    transcribed(house, attempt, TALK)
    found = heard(agent, attempt)
    assert list(found) == ["missed_days"]
    assert agent.post(f"/heard-answers/{found['missed_days']['id']}/accept").json()["entered"] == 2
    with house.rows() as uow:
        (response,) = uow.responses.all_of_task(attempt.task_id)
        last = uow.responses.history(response.id)[-1]
    assert (response.state.value, last.value) == ("amended", 2)
    assert last.reason.startswith("heard in the recording at ")
    assert last.reason.endswith("有2天忘了吃阿司匹林。")


def test_several_answers_are_decided_together_or_not_at_all(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id)
    transcribed(house, attempt, TALK)
    found = {key: each["id"] for key, each in heard(agent, attempt).items()}
    path = f"/attempts/{attempt.id}/heard-answers/decisions"
    refused = agent.post(path, {"accept": [found["feeling"], NOBODY]})
    assert refused.json()["code"] == "unknown_heard_answer"
    assert {each["state"] for each in heard(agent, attempt).values()} == {"proposed"}
    twice = agent.post(path, {"accept": [found["feeling"]], "dismiss": [found["feeling"]]})
    assert twice.status_code == 422
    agent.post(path, {"accept": [found["feeling"], found["missed_days"]], "dismiss": [found["medicines_obtained"]]})
    assert agent.get(f"/attempts/{attempt.id}").json()["answers"] == {"feeling": "better", "missed_days": 2}
    assert agent.get("/agents/me/heard-answers").json()["answers"] == []


def test_another_agents_answers_are_not_decided_and_a_strangers_never_proposed(house: House, agent: Asking) -> None:
    attempt = in_hand(house, agent.user_id)
    transcribed(house, attempt, TALK)
    one = heard(agent, attempt)["feeling"]["id"]
    other = house.caller(Role.AGENT)
    assert other.post(f"/heard-answers/{one}/accept").json()["code"] == "not_yours"
    agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "wrong-number"})
    assert heard(agent, attempt) == {}
    refused = agent.post(f"/heard-answers/{one}/accept").json()
    assert (refused["code"], refused["reason"]) == (
        "not_possible_now",
        "somebody else than the patient spoke: dismiss it",
    )


def test_a_newer_transcript_takes_the_place_of_what_nobody_decided_on(house: House, agent: Asking) -> None:
    attempt, note = noted(house, agent)
    before = {each["kind"]: each for each in agent.get(f"/notes/{note['id']}").json()["proposals"]}
    agent.post(f"/notes/{note['id']}/proposals/{before['condition']['id']}/dismiss")
    first = heard(agent, attempt)
    agent.post(f"/heard-answers/{first['feeling']['id']}/accept")
    transcribed(house, attempt, LATER)
    after = [(each["kind"], each["state"]) for each in agent.get(f"/notes/{note['id']}").json()["proposals"]]
    assert sorted(after) == [
        ("condition", "dismissed"),
        ("medicine", "proposed"),
        ("red_flag", "proposed"),
        ("symptom", "proposed"),
    ]
    second = heard(agent, attempt)
    assert {key: (each["value"], each["state"]) for key, each in second.items()} == {
        "feeling": ("better", "accepted"),
        "medicines_obtained": (True, "proposed"),
        "missed_days": (3, "proposed"),
    }
    gone = agent.post(f"/heard-answers/{first['missed_days']['id']}/accept")
    assert gone.json()["code"] == "unknown_heard_answer"
    assert agent.post(f"/notes/{note['id']}/proposals/{before['medicine']['id']}/accept").status_code == 404


def test_the_outline_shows_its_sections_in_order_with_seconds_and_quotations(house: House, agent: Asking) -> None:
    _, note = noted(house, agent)
    outline = agent.get(f"/notes/{note['id']}/outline").json()
    assert (outline["clarity"], outline["listen"], outline["passages"]) == ("clear", None, [])
    assert [section["section"] for section in outline["sections"]][:4] == [
        "red_flag",
        "reached",
        "condition",
        "symptom",
    ]
    lines = {section["section"]: section["lines"] for section in outline["sections"]}
    (medicine,) = lines["medicine"]
    assert medicine["text"] == "用药: 阿司匹林(漏服)。患者原话: “有2天忘了吃阿司匹林。”"
    assert (medicine["quote"], medicine["turns"], medicine["drafted_by"]) == ("有2天忘了吃阿司匹林。", [5], "rules")
    assert 0 < medicine["start"] < medicine["end"]
    agent.post(f"/notes/{note['id']}/proposals/{medicine['id']}/accept")
    with house.rows() as uow:
        for action in ("note_outline_viewed", "note_line_accepted"):
            assert uow.audit.has(user_id=agent.user_id, action=action, subject_kind="note", subject=note["id"])


def test_a_call_that_was_not_understood_says_so_and_asks_to_listen(house: House, agent: Asking) -> None:
    attempt, note = noted(house, agent, "A: 感觉怎么样？\nP?: 好多了，血压一百四十到九十\nP?: 头晕")
    outline = agent.get(f"/notes/{note['id']}/outline").json()
    assert outline["clarity"] == "unclear"
    assert outline["listen"]["zh"].startswith("患者的话大多听不清")
    assert len(outline["passages"]) == 2
    assert [line for section in outline["sections"] for line in section["lines"]] == []
    assert heard(agent, attempt) == {}


def test_several_lines_are_decided_together_or_not_at_all(house: House, agent: Asking) -> None:
    _, note = noted(house, agent)
    ids = {each["kind"]: each["id"] for each in agent.get(f"/notes/{note['id']}").json()["proposals"]}
    path = f"/notes/{note['id']}/decisions"
    assert agent.post(path, {"accept": [ids["symptom"], NOBODY]}).json()["code"] == "unknown_proposal"
    assert "咳嗽" not in agent.get(f"/notes/{note['id']}").json()["text"]
    decided = agent.post(path, {"accept": [ids["symptom"], ids["medicine"]], "dismiss": [ids["condition"]]}).json()
    assert decided["text"].splitlines()[-2:][0].endswith("症状: 咳嗽。患者原话: “好多了，就是晚上有点咳嗽。”")
    assert decided["text"].splitlines()[-1].startswith("[")
    assert {each["kind"]: each["state"] for each in decided["proposals"]} == {
        "condition": "dismissed",
        "symptom": "accepted",
        "medicine": "accepted",
    }


def test_what_is_heard_after_the_signature_goes_into_an_addendum_and_never_into_the_note(
    house: House, agent: Asking
) -> None:
    attempt = in_hand(house, agent.user_id)
    note = agent.post(f"/attempts/{attempt.id}/wrap-up", {"outcome": "connected-patient"}).json()
    outline = agent.get(f"/notes/{note['id']}/outline").json()
    assert (outline["clarity"], outline["transcript_id"], outline["summary"]) == (None, None, "off")
    signed = agent.post(f"/notes/{note['id']}/sign").json()
    transcribed(house, attempt, TALK)
    now = agent.get(f"/notes/{note['id']}").json()
    assert now["text"] == signed["text"]
    ids = {each["kind"]: each["id"] for each in now["proposals"]}
    assert agent.post(f"/notes/{note['id']}/decisions", {"accept": [ids["medicine"]]}).json()["code"] == "note_signed"
    assert agent.post(f"/notes/{note['id']}/addenda", {}).status_code == 422
    added = agent.post(f"/notes/{note['id']}/addenda", {"text": "补充:", "proposals": [ids["medicine"]]})
    assert added.status_code == 201
    assert added.json()["text"].splitlines()[0] == "补充:"
    assert "阿司匹林(漏服)" in added.json()["text"]
    again = agent.post(f"/notes/{note['id']}/addenda", {"proposals": [ids["medicine"]]})
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")
    now = agent.get(f"/notes/{note['id']}").json()
    assert (now["text"], len(now["addenda"])) == (signed["text"], 1)


def test_notes_unsigned_for_a_day_are_on_the_supervisors_list(house: House, agent: Asking, supervisor: Asking) -> None:
    _, note = noted(house, agent)
    assert note["id"] not in [each["id"] for each in supervisor.get("/notes/overdue").json()["notes"]]
    with house.units.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE notes SET created_at = created_at - interval '25 hours' WHERE id = %(id)s", {"id": note["id"]}
        )
    (late,) = [each for each in supervisor.get("/notes/overdue").json()["notes"] if each["id"] == note["id"]]
    assert (late["agent_id"], late["attempt_id"]) == (agent.user_id, note["attempt_id"])
    assert supervisor.get("/notes/overdue?hours=48").json()["notes"] == []
    assert agent.get("/notes/overdue").status_code == 403
    agent.post(f"/notes/{note['id']}/sign")
    assert supervisor.get(f"/notes/overdue?agent_id={agent.user_id}").json()["notes"] == []


def test_a_machines_call_leaves_its_lines_to_whoever_may_open_the_record(house: House, agent: Asking) -> None:
    with house.rows() as uow:
        task = a_task(uow, a_patient(uow), a_queue(uow))
        attempt = an_attempt(
            uow, task, state=AttemptState.CLOSED, outcome=AttemptOutcome.CONNECTED_PATIENT, closed_at=uow.now
        )
        a_call(uow, attempt)
    draft_for_attempt(house.units, MATERIAL, attempt.id)
    transcribed(house, attempt, TALK)
    one = heard(agent, attempt)["feeling"]["id"]
    assert agent.post(f"/heard-answers/{one}/accept").json()["entered"] == "better"


def test_a_purged_recording_takes_its_quotations_along_and_leaves_the_notes_text(house: House, agent: Asking) -> None:
    attempt, note = noted(house, agent)
    ids = {each["kind"]: each["id"] for each in agent.get(f"/notes/{note['id']}").json()["proposals"]}
    text = agent.post(f"/notes/{note['id']}/proposals/{ids['medicine']}/accept").json()["text"]
    with house.rows() as uow:
        call = uow.calls.of_attempt(attempt.id)
        assert call is not None
        recording = uow.recordings.of_call(call.id)
        assert recording is not None
        assert uow.notes.forget_what_was_heard(recording.id) == len(ids)
        assert uow.heard_answers.forget(recording.id) == 3
    now = agent.get(f"/notes/{note['id']}").json()
    assert now["text"] == text
    assert [(each["kind"], each["quote"]) for each in now["proposals"]] == [("medicine", "")]
    assert heard(agent, attempt) == {}


def test_a_language_models_sentences_are_marked_proposals_without_the_patients_name(
    house: House, agent: Asking
) -> None:
    with language_model() as server:
        parts = SummaryParts(
            units_of_work=house.units,
            model=LanguageModel(url=server.url, model="qwen", key="", seconds=5),
            asked=load_summary_instructions(FOLDER / "note_summary.yaml"),
            signs=CONTENT.redaction,
            at_least=MATERIAL.words.limits.turn,
        )
        provide(parts)
        server.says(("患者自觉好转, 夜间咳嗽。", [1]), ("患者血压180。", [1]), ("没有依据的话。", []))
        _, note = noted(house, agent, TALK + "P: 我叫李小伟，电话一三八一二三四五六七八")
        assert events(house, note["id"])[-1] == EventKind.NOTE_OUTLINED
        summarize_note(note["id"])
        summarize_note(note["id"])
        assert len(server.asked) == 1
        told = server.asked[0]["messages"][1]["content"]
        assert "李小伟" not in told
        assert "138" not in told
        outline = agent.get(f"/notes/{note['id']}/outline").json()
        assert (outline["summary"], outline["summary_model"]) == ("ready", "qwen")
        (line,) = next(each["lines"] for each in outline["sections"] if each["section"] == "summary")
        assert line["text"] == "[语言模型草拟] 患者自觉好转, 夜间咳嗽。"
        assert (line["drafted_by"], line["turns"]) == ("language-model", [1])
        server.status = 503
        _, other = noted(house, agent)
        summarize_note(other["id"])
        outline = agent.get(f"/notes/{other['id']}/outline").json()
        assert (outline["summary"], "answered 503" in outline["summary_reason"]) == ("failed", True)
    forget_parts()
