"""Six agents' calls: some doubtful, a sample half judged, an appeal, a closed round, months of scores."""

import tempfile
from datetime import timedelta
from pathlib import Path

from care.patients import PatientId
from care.responses import GivenAnswer, Response, ResponseMode, ResponseState
from db.unit_of_work import UnitOfWork
from db.users import Role
from followup.alerts import Alert, AlertLevel
from followup.attempts import Attempt, AttemptState
from followup.heard_answers import HeardAnswer
from followup.outcomes import AttemptOutcome
from followup.plans import Task
from followup.recordings import Channel, Recording, RecordingState, Transcript, Turn
from runtime.identifiers import new_id
from tests.console.seeds.recordings import CHINESE, RecordedHouse
from tests.integration.api.house import Asking, House
from tests.support.builders import a_call, a_patient, a_queue, a_recording, a_task, an_attempt
from tests.support.spoken_calls import spoken_call

CARD = "follow_up_call"
NAMES = ("王敏", "欧阳静怡", "迪丽热巴·买买提", "李娜", "Katharina Müller-Hohenstein", "赵一")


class Judged:
    """What tests of the pages look for."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.supervisor = house.caller(Role.SUPERVISOR)
        self.second = house.caller(Role.SUPERVISOR)
        self.agents = [house.caller(Role.AGENT) for _ in NAMES]
        with house.rows() as uow:
            for asking, name in zip(self.agents, NAMES, strict=True):
                _rename(uow, asking, name)
            _rename(uow, self.supervisor, "周主管")
            _rename(uow, self.second, "孙主管")
            self.queue = a_queue(uow, name="出院后随访（心内科、内分泌科）")
        self.sample_id = ""
        self.round_id = ""
        self.given_id = ""
        self.appealed_id = ""
        self.draft_id = ""

    def talked(
        self,
        agent: Asking,
        *,
        ago: timedelta = timedelta(hours=3),
        talk: float = 214,
        heard: float = 96,
        red: bool = False,
    ) -> Attempt:
        """A follow-up that was done, with a transcript in which the patient spoke so long."""
        with self.house.rows() as uow:
            attempt = self._attempt(uow, agent, ago)
            answered = attempt.reserved_at + timedelta(seconds=15)
            call = a_call(
                uow, attempt, answered_at=answered, bridged_at=answered, ended_at=answered + timedelta(seconds=talk)
            )
            recording = a_recording(
                uow, call, Path("nowhere"), state=RecordingState.TRANSCRIBED, seconds=talk, started_at=answered
            )
            self._words(uow, recording, heard)
            if red:
                uow.alerts.add(
                    Alert(
                        id=new_id(),
                        patient_id=attempt.patient_id,
                        attempt_id=attempt.id,
                        recording_id=recording.id,
                        code="chest-pain",
                        level=AlertLevel.RED,
                        at_second=21.0,
                        raised_at=uow.now,
                    )
                )
        return attempt

    def heard(self, recorded: RecordedHouse, agent: Asking) -> Attempt:
        """A follow-up whose recording can be played."""
        spoken = spoken_call(CHINESE)
        made = recorded.recorded(spoken, queue=self.queue, agent_id=agent.user_id)
        with self.house.rows() as uow:
            call = uow.calls.get(made.call_id)
            assert call is not None
            attempt = uow.attempts.for_update(call.attempt_id)
            assert attempt is not None
            attempt.identity_confirmed_at, attempt.task_result = attempt.closed_at, "completed"
        return attempt

    def score(self, by: Asking, attempt: Attempt, *poor: str, round_id: str | None = None, give: bool = True) -> str:
        """A call judged by the card; `poor` items are not met."""
        body = {"attempt_id": attempt.id, "card": CARD, "round_id": round_id}
        score = by.post("/quality/scores", body).json()
        marks = [
            {"item": item["code"], "mark": "not_met" if item["code"] in poor else "met", "at_second": 12.5}
            for item in score["card_items"]
        ]
        saved = by.put(f"/quality/scores/{score['id']}", {"marks": marks if give else marks[:4], "remark": ""})
        assert saved.status_code == 200, saved.text
        if give:
            given = by.post(f"/quality/scores/{score['id']}/give")
            assert given.status_code == 200, given.text
        return str(score["id"])

    def answered_otherwise(self, agent: Asking) -> None:
        """Answers that were written down otherwise than they were heard, and a form that no call belongs to."""
        against = self.talked(agent)
        with self.house.rows() as uow:
            _form(uow, against.task_id, against.patient_id, agent.user_id, against.id)
            recording = uow.recordings.of_patient(against.patient_id)[0]
            uow.heard_answers.add(
                HeardAnswer(
                    id=new_id(),
                    attempt_id=against.id,
                    task_id=against.task_id,
                    form_id="home_blood_pressure",
                    link_id="systolic",
                    value=152,
                    quote="一百五十二",
                    asked="高压多少",
                    start=33.5,
                    end=35,
                    confidence=0.9,
                    recording_id=recording.id,
                    transcript_id=new_id(),
                    proposed_at=uow.now,
                )
            )
            alone: Task = a_task(uow, a_patient(uow), self.queue)
            _form(uow, alone.id, alone.patient_id, agent.user_id, None)

    def _attempt(self, uow: UnitOfWork, agent: Asking, ago: timedelta) -> Attempt:
        closed = uow.now - ago
        return an_attempt(
            uow,
            a_task(uow, a_patient(uow), self.queue),
            agent_id=agent.user_id,
            state=AttemptState.CLOSED,
            reserved_at=closed - timedelta(minutes=8),
            closed_at=closed,
            outcome=AttemptOutcome.CONNECTED_PATIENT,
            task_result="completed",
            identity_confirmed_at=closed,
        )

    def _words(self, uow: UnitOfWork, recording: Recording, heard: float) -> None:
        uow.recordings.add_transcript(
            Transcript(
                id=new_id(),
                recording_id=recording.id,
                language="zh",
                engine="test",
                model="test",
                parameters={},
                turns=[
                    Turn(channel=Channel.AGENT, start=0, end=18, text="您好，这里是示范医院随访中心。", confidence=0.9),
                    Turn(
                        channel=Channel.PATIENT, start=20, end=20 + heard, text="你好，我这几天还可以。", confidence=0.9
                    ),
                ],
                created_at=uow.now,
            )
        )


def seed(house: House) -> Judged:
    """Fill the pages of quality."""
    made = Judged(house)
    first, second, third, *others = made.agents
    recorded = RecordedHouse(house, Path(tempfile.mkdtemp(prefix="suifang-quality-")))
    playable = [made.heard(recorded, agent) for agent in (first, second)]
    calls = [made.talked(agent, ago=timedelta(hours=3 + place)) for agent in made.agents for place in range(4)]
    made.talked(third, red=True)
    made.talked(second, talk=11, heard=3)
    made.talked(third, talk=41, heard=0.4)
    with house.rows() as uow:
        unnamed = uow.attempts.for_update(made.talked(others[0]).id)
        assert unnamed is not None
        unnamed.identity_confirmed_at = None
    made.answered_otherwise(others[1])
    with house.rows() as uow:
        period = {"since": (uow.now - timedelta(days=20)).isoformat(), "until": uow.now.isoformat()}
    rule = {**period, "card": CARD, "margin": 0.2, "at_least": 2, "seed": 20261122}
    sample = made.supervisor.post("/quality/samples", rule).json()
    made.sample_id = sample["id"]
    made.draft_id = made.score(made.supervisor, playable[0], "opening", give=False)
    made.given_id = made.score(made.supervisor, playable[1], "opening", "listening")
    made.appealed_id = made.score(made.second, calls[0], "script")
    first.post(f"/quality/scores/{made.appealed_id}/appeal", {"text": "患者说已经答过这些问题，我核对后跳过。"})
    for place, call in enumerate(calls[4:20]):
        made.score(made.supervisor, call, *(("identity",) if place == 5 else ("closing",) if place % 3 else ()))
    _spread(house, besides={made.given_id, made.appealed_id})
    opened = made.supervisor.post(
        "/quality/rounds",
        {
            "kind": "double",
            "title": "十一月双评：出院后随访",
            "card": CARD,
            "attempt_ids": [each.id for each in calls[:4]],
            "grader_ids": [made.supervisor.user_id, made.second.user_id],
        },
    ).json()
    made.round_id = opened["id"]
    for place, call in enumerate(calls[:4]):
        made.score(made.supervisor, call, *(("script",) if place == 0 else ()), round_id=made.round_id)
        made.score(made.second, call, *(("script", "listening") if place < 2 else ()), round_id=made.round_id)
    made.supervisor.post(f"/quality/rounds/{made.round_id}/close")
    made.supervisor.post(
        "/quality/rounds",
        {
            "kind": "calibration",
            "title": "十二月校准",
            "card": CARD,
            "attempt_ids": [each.id for each in calls[4:7]],
            "grader_ids": [made.supervisor.user_id, made.second.user_id],
        },
    )
    return made


def _spread(house: House, *, besides: set[str]) -> None:
    """Scores of months ago, so that trends have a line."""
    with house.rows() as uow:
        for place, score in enumerate(uow.quality.scores(limit=200)):
            if score.given_at is not None and score.id not in besides:
                score.given_at -= timedelta(days=31 * (place % 4))


def _rename(uow: UnitOfWork, asking: Asking, name: str) -> None:
    user = uow.users.get(asking.user_id)
    assert user is not None
    user.display_name = name


def _form(uow: UnitOfWork, task_id: str, patient_id: str, user_id: str, attempt_id: str | None) -> None:
    response = uow.responses.opened(
        Response(
            id=new_id(),
            form_id="home_blood_pressure",
            form_version=1,
            patient_id=PatientId(patient_id),
            task_id=task_id,
            started_at=uow.now,
            changed_at=uow.now,
        )
    )
    response.answers = {"systolic": 128}
    response.state, response.completed_at = ResponseState.COMPLETED, uow.now
    response.completed_by, response.completed_mode = user_id, ResponseMode.AGENT
    uow.responses.note(
        GivenAnswer(
            response_id=response.id,
            link_id="systolic",
            value=128,
            mode=ResponseMode.AGENT,
            by=user_id,
            relative_id=None,
            attempt_id=attempt_id,
            at=uow.now,
        )
    )
