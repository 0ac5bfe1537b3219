"""The synthetic hospital's script, read from hospital.yaml and checked."""

from datetime import date, time
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from care.consent import Purpose
from followup.duty import DutyRole
from followup.outcomes import AttemptOutcome, TaskOutcome
from followup.plans import TaskMode
from followup.queues import DialStyle
from runtime.content.documents import Wording

DEFAULT_SCRIPT = Path(__file__).parent / "hospital.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DemoAgent(_Part):
    """A nurse of the demo; a scripted one's headset is a phone of the headset process, a human's is her browser."""

    login: str
    display_name: str
    languages: tuple[str, ...]


class DemoQueue(_Part):
    """A queue of the demo."""

    name: str
    mode: TaskMode
    purpose: Purpose
    ring_seconds: int
    lines: int = 1
    style: DialStyle


class DemoPatient(_Part):
    """An invented patient."""

    name: str
    language: str
    born: date
    sex: str
    number: str
    mobile: str | None = None  # a second number, tried before the tries run out


class AgentScript(_Part):
    """What the scripted agent does in one follow-up: lines to say, when to hang up, what to write."""

    says: tuple[str, ...] = ()
    hangs_up_after: float | None = None
    outcome: AttemptOutcome
    result: TaskOutcome | None = None


class ScriptedFollowUp(_Part):
    """One follow-up of the round and how its last attempt has to end."""

    record_number: str
    patient: DemoPatient
    queue: str
    expected: AttemptOutcome
    agent: AgentScript | None = None
    answers: dict[str, str | bool | int] = Field(default_factory=dict)
    keys: str | None = None
    appointment: time | None = None  # of tomorrow, which an automated call reminds of


class RingBack(_Part):
    """A patient who missed us and rings the hospital herself, once her follow-up of the round is over."""

    record_number: str
    keys: tuple[tuple[float, str], ...]  # seconds after the answer, and what she presses


class SupervisorScript(_Part):
    """A supervisor with a telephone of her own, who listens to one conversation of the round."""

    login: str
    display_name: str
    listens_seconds: float


class OpenDeskPatient(_Part):
    """A patient of the second queue, who waits for a human agent."""

    record_number: str
    patient: DemoPatient


class DemoDuty(_Part):
    """Somebody on duty for a department, or with `*` for all of them; the telephone is the town's."""

    department: str
    role: DutyRole
    name: str
    phone: str


class HospitalScript(_Part):
    """The whole demo hospital."""

    version: int
    name: Wording
    agents: tuple[DemoAgent, ...]
    queues: tuple[DemoQueue, ...]
    duty: tuple[DemoDuty, ...]
    round: tuple[ScriptedFollowUp, ...]
    rings_back: RingBack
    supervisor: SupervisorScript
    human: DemoAgent
    open_desk: tuple[OpenDeskPatient, ...]


def load_script(path: Path = DEFAULT_SCRIPT) -> HospitalScript:
    """The demo's script; pydantic's error names the entry that is wrong."""
    return HospitalScript.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
