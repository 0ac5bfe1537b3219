"""The town's plan: which number behaves how, read from YAML and turned into steps."""

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from suifang.demo.speech_manifest import SPEECH
from suifang.demo.steps import Answer, HangUp, Listen, Press, Refuse, Ring, Say, Step, Wait

DEFAULT_PLAN = Path(__file__).parent / "town.yaml"
MEDIA_SETTLES_SECONDS = 0.3  # what is said in the very moment of the answer is not heard by every phone
BEEP = "beep.wav"


class TownPlanError(ValueError):
    """A plan that cannot be used; the text names the file and the entry."""


class Entry(BaseModel):
    """Every part of the plan: no unknown keys, no changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answering(Entry):
    """What all behaviours that pick up have in common."""

    ring_seconds: float = Field(default=1.0, ge=0)

    def pick_up(self) -> tuple[Step, ...]:
        return (Ring(), Wait(seconds=self.ring_seconds), Answer(), Wait(seconds=MEDIA_SETTLES_SECONDS))


class TurnTaking(Answering):
    """Answering, and waiting for the far end between the own turns: by ear, or by the clock with `pause_seconds`."""

    quiet_seconds: float = Field(default=1.2, gt=0)
    patience_seconds: float = Field(default=8.0, gt=0)
    pause_seconds: float | None = Field(default=None, ge=0)
    hangs_up: bool = True

    def far_end_turn(self) -> Step:
        if self.pause_seconds is not None:
            return Wait(seconds=self.pause_seconds)
        return Listen(quiet_seconds=self.quiet_seconds, patience_seconds=self.patience_seconds)

    def end(self) -> tuple[Step, ...]:
        return (HangUp(),) if self.hangs_up else ()


class Talks(TurnTaking):
    """Picks up and speaks these files in alternation with the far end."""

    behaviour: Literal["talks"]
    speech: tuple[str, ...] = Field(min_length=1)
    begins: Literal["patient", "far_end"] = "patient"

    def steps(self, speech: Path) -> tuple[Step, ...]:
        turns: list[Step] = []
        for place, file in enumerate(self.speech):
            if place or self.begins == "far_end":
                turns.append(self.far_end_turn())
            turns.append(Say(file=speech / file))
        if self.hangs_up:
            turns.append(self.far_end_turn())
        return (*self.pick_up(), *turns, *self.end())


class Presses(TurnTaking):
    """Picks up, hears the machine out before each key, presses it; then hears the rest."""

    behaviour: Literal["presses"]
    keys: str = Field(pattern=r"^[0-9*#]+$")

    def steps(self, speech: Path) -> tuple[Step, ...]:  # noqa: ARG002 (one shape for all behaviours)
        turns: list[Step] = []
        for key in self.keys:
            turns += [self.far_end_turn(), Press(key=key)]
        if self.hangs_up:
            turns.append(self.far_end_turn())
        return (*self.pick_up(), *turns, *self.end())


class Voicemail(Answering):
    """A machine: greeting, beep, ten seconds of listening, then it hangs up."""

    behaviour: Literal["voicemail"]
    greeting: str
    stay_seconds: float = Field(default=10.0, gt=0)

    def steps(self, speech: Path) -> tuple[Step, ...]:
        greeting = (Say(file=speech / self.greeting), Say(file=speech / BEEP))
        return (*self.pick_up(), *greeting, Wait(seconds=self.stay_seconds), HangUp())


class SomebodyElse(TurnTaking):
    """Picks up and says that the number is wrong."""

    behaviour: Literal["somebody_else"]
    speech: str

    def steps(self, speech: Path) -> tuple[Step, ...]:
        turns = (self.far_end_turn(), Say(file=speech / self.speech))
        return (*self.pick_up(), *turns, *((self.far_end_turn(),) if self.hangs_up else ()), *self.end())


class HangsUpEarly(Answering):
    """Picks up, says nothing and is gone."""

    behaviour: Literal["hangs_up_early"]
    stay_seconds: float = Field(default=1.5, gt=0)

    def steps(self, speech: Path) -> tuple[Step, ...]:  # noqa: ARG002
        return (*self.pick_up(), Wait(seconds=self.stay_seconds), HangUp())


class NoAnswer(Entry):
    """Rings for ever."""

    behaviour: Literal["no_answer"]

    def steps(self, speech: Path) -> tuple[Step, ...]:  # noqa: ARG002
        return (Ring(),)


class Refuses(Entry):
    """Never picks up: the line or the person says no."""

    behaviour: Literal["busy", "rejects", "unreachable", "invalid"]
    ring_seconds: float | None = Field(default=None, ge=0)

    def steps(self, speech: Path) -> tuple[Step, ...]:  # noqa: ARG002
        status = {"busy": 486, "rejects": 603, "unreachable": 480, "invalid": 404}[self.behaviour]
        ringing = () if self.ring_seconds is None else (Ring(), Wait(seconds=self.ring_seconds))
        return (*ringing, Refuse(sip_status=status))


Behaviour = Annotated[
    Talks | Presses | Voicemail | SomebodyElse | HangsUpEarly | NoAnswer | Refuses, Field(discriminator="behaviour")
]


class Patient(Entry):
    """One number and what happens at its first call, its second, and so on; the last holds for every later call."""

    number: str = Field(pattern=r"^\+?[0-9]{3,20}$")
    language: Literal["zh", "en"]
    calls: tuple[Behaviour, ...] = Field(min_length=1)

    @property
    def digits(self) -> str:
        return digits_of(self.number)

    def behaviour_of_call(self, place: int) -> Behaviour:
        """What happens at call number `place`, counted from 0."""
        return self.calls[min(place, len(self.calls) - 1)]


class TownPlan(Entry):
    """All patients of a town."""

    version: Literal[1]
    patients: tuple[Patient, ...] = Field(min_length=1)
    numbers_per_process: int = Field(default=3, ge=1)  # a phone process takes three calls at a time

    @field_validator("patients")
    @classmethod
    def numbers_differ(cls, patients: tuple[Patient, ...]) -> tuple[Patient, ...]:
        digits = [patient.digits for patient in patients]
        doubled = sorted({number for number in digits if digits.count(number) > 1})
        if doubled:
            raise ValueError(f"the numbers {', '.join(doubled)} have more than one entry; keep one of each")
        return patients

    @model_validator(mode="after")
    def files_exist(self) -> "TownPlan":
        for patient in self.patients:
            for behaviour in patient.calls:
                for step in behaviour.steps(SPEECH):
                    if isinstance(step, Say) and not step.file.is_file():
                        raise ValueError(f"{patient.number} says {step.file.name}, which is not in {SPEECH}")
        return self

    def households(self) -> tuple[tuple[Patient, ...], ...]:
        """The patients of each phone process."""
        size = self.numbers_per_process
        return tuple(self.patients[first : first + size] for first in range(0, len(self.patients), size))


def digits_of(user: str) -> str:
    """The digits of a dialed user part; trunks write a number with or without its plus."""
    return re.sub(r"[^0-9]", "", user)


def load_town_plan(path: Path = DEFAULT_PLAN) -> TownPlan:
    """The plan in a YAML file."""
    try:
        return TownPlan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise TownPlanError(f"{path} is no town plan: {error}; mend that entry") from error
