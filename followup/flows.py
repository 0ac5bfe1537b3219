"""The flow of an automated call as data: its steps, what keys mean in them, and what coming to a step does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from followup.appointments import AppointmentTrigger
from followup.key_entries import KeyEntry
from followup.outcomes import AttemptOutcome, TaskOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEnding:
    """What a step that ends the call comes to."""

    outcome: AttemptOutcome
    task_result: TaskOutcome | None = None
    answer: str = ""  # stored with the attempt: confirmed, cancelled, wants_person ...


PERSON_KEY = "0"
"""In any step of any flow it brings a person; no flow may give it another meaning."""

PERSON_STEP = "@person"
"""Where a call stands whose patient asked for a person; no step of a flow has this name."""

WANTS_A_PERSON = FlowEnding(
    outcome=AttemptOutcome.CONNECTED_PATIENT, task_result=TaskOutcome.PARTIALLY_COMPLETED, answer="wants_person"
)
"""What a call comes to whose patient asked for a person and nobody was free: he is owed a call of an agent."""


class Again(StrEnum):
    """Why a step is said again."""

    SILENCE = "silence"  # no key came
    OTHER = "other"  # a key came that means nothing here
    RANGE = "range"  # a number came that cannot be


class VariableKind(StrEnum):
    """What a variable of a flow holds, and so how it can be said."""

    MOMENT = "moment"  # local date and time: 2026-11-25T09:30
    NUMBER = "number"
    NAME = "name"  # the form of address: said by a live voice only
    PLACE = "place"  # a department: never before the identity, and only in a flow that allows it
    UNSPOKEN = "unspoken"  # compared, never said: month and day of birth


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVariable:
    """One value that a flow speaks of or compares with."""

    kind: VariableKind
    item: str = ""  # where the task has none: the patient's last answer to this item


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """Prompts to play, then a key or a number to wait for, then where each leads."""

    key: str
    prompts: tuple[str, ...]
    keys: Mapping[str, str]  # pressed key -> next step
    timeout_seconds: float = 8.0
    tries: int = 2
    otherwise: str | None = None  # next step when no listed key was pressed in all tries, or when no key is asked for
    again: Mapping[Again, tuple[str, ...]] = field(default_factory=dict)  # prompts in place of `prompts`, asked again
    entry: KeyEntry | None = None  # digits up to #; `keys` are then those that none of its values begins with
    item: str = ""  # the key pressed answers this item of the flow's form
    values: Mapping[str, str] = field(default_factory=dict)  # pressed key -> answer, where it is not the key itself
    proves: str | None = None  # asks who is there; to this next step comes only who has said that he is the patient
    ending: FlowEnding | None = None
    refuses_recording: bool = False  # whoever comes here has said no to the recording: it stops and is destroyed
    opts_out: bool = False  # whoever comes here wants no more calls of this purpose
    appointment: AppointmentTrigger | None = None  # whoever comes here has said so of his appointment
    saves: tuple[str, ...] = ()  # values entered before that are answers to the items of these names from here on
    owes_person: bool = False  # whoever comes here is called by a person

    def __post_init__(self) -> None:
        if self.ending is None and self.otherwise is None:
            raise ValueError(f"flow step {self.key}: it neither ends nor leads anywhere")
        if PERSON_KEY in self.keys:
            raise ValueError(f"flow step {self.key}: key {PERSON_KEY} brings a person in every step; take it out")
        if self.key == PERSON_STEP:
            raise ValueError(f"flow step {self.key}: this name is taken; choose another")
        if self.entry is not None and any(len(said) != 1 for said in (self.prompts, *self.again.values())):
            raise ValueError(f"flow step {self.key}: a step with an entry says one prompt (or one sentence of several)")
        if self.proves is not None and self.proves not in self.targets:
            raise ValueError(f"flow step {self.key}: it proves {self.proves}, where it does not lead")

    @property
    def asks(self) -> bool:
        """Whether something is waited for."""
        return bool(self.keys) or self.entry is not None

    @property
    def targets(self) -> tuple[str, ...]:
        """Every step that can come next, by a key, an entry or silence."""
        entered = (self.entry.then, *((self.entry.jump,) if self.entry.jump else ())) if self.entry else ()
        return tuple(dict.fromkeys((*self.keys.values(), *entered, *((self.otherwise,) if self.otherwise else ()))))

    def prompts_after(self, again: Again | None) -> tuple[str, ...]:
        """What is said, the first time or because nothing of use came."""
        return self.again.get(again, self.prompts) if again is not None else self.prompts

    def answer_of(self, pressed: str) -> str:
        """What a pressed key answers."""
        return self.values.get(pressed, pressed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A whole automated call, checked: every step that is named exists and an end is reachable from each."""

    id: str
    version: int
    status: str
    source: str
    start: str
    steps: Mapping[str, FlowStep]
    form: str | None = None
    variables: Mapping[str, FlowVariable] = field(default_factory=dict)
    says_department: bool = False
    slow_from_age: int = 70
    person_queue: str = ""  # whose agents call who is owed a person; empty: the first queue of agents

    def __post_init__(self) -> None:
        if found := structural_faults(self):
            raise ValueError("; ".join(f"flow {self.id}{', ' + place if place else ''}: {why}" for place, why in found))


def structural_faults(flow: Flow) -> list[tuple[str, str]]:
    """Place and reason of everything that keeps a flow from being walked to an end."""
    found: list[tuple[str, str]] = []
    for step in flow.steps.values():
        found += [
            (f"step {step.key}", f"there is no step {target}") for target in step.targets if target not in flow.steps
        ]
    if flow.start not in flow.steps:
        return [*found, ("", f"there is no start step {flow.start}")]
    if found:
        return found
    ends = {key for key, step in flow.steps.items() if step.ending is not None}
    if not ends:
        return [("", "it has no exit: no step has an ending; give at least one step `ending:`")]
    grown = True
    while grown:
        reaching = {key for key, step in flow.steps.items() if step.otherwise in ends}
        grown = not reaching <= ends
        ends |= reaching
    if stuck := sorted(set(flow.steps) - ends):
        found.append(("", f"no end is reached from {', '.join(stuck)} when nobody presses a key"))
    return found


def step_after(flow: Flow, step: FlowStep, pressed: str, tries_made: int) -> FlowStep:
    """The step after `step` when `pressed` ('' for nothing) came in try `tries_made` (from 1); itself to ask again."""
    if pressed in step.keys:
        return flow.steps[step.keys[pressed]]
    if step.asks and tries_made < step.tries:
        return step
    if step.otherwise is None:
        return step
    return flow.steps[step.otherwise]


def reachable(flow: Flow, *, proven: bool) -> set[str]:
    """Steps that can be reached from the start; without `proven` only those that need no proof of who is there."""
    found: set[str] = set()
    waiting = [flow.start]
    while waiting:
        step = flow.steps[waiting.pop()]
        if step.key in found:
            continue
        found.add(step.key)
        waiting += [target for target in step.targets if proven or target != step.proves]
    return found
