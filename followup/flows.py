"""The flow of an automated call as data, and the one pure function that walks it."""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """Prompts to play, then a key to wait for, then where each key leads."""

    key: str
    prompts: tuple[str, ...]
    keys: Mapping[str, str]  # pressed key -> next step
    timeout_seconds: float = 8.0
    tries: int = 2
    otherwise: str | None = None  # next step when no listed key was pressed in all tries, or when no key is asked for
    ending: FlowEnding | None = None
    refuses_recording: bool = False  # whoever comes here has said no to the recording: it stops and is destroyed

    def __post_init__(self) -> None:
        if self.ending is None and self.otherwise is None:
            raise ValueError(f"flow step {self.key}: it neither ends nor leads anywhere")
        if PERSON_KEY in self.keys:
            raise ValueError(f"flow step {self.key}: key {PERSON_KEY} brings a person in every step; take it out")
        if self.key == PERSON_STEP:
            raise ValueError(f"flow step {self.key}: this name is taken; choose another")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A whole automated call, checked: every step that is named exists and an end is reachable from each."""

    id: str
    version: int
    status: str
    source: str
    start: str
    steps: Mapping[str, FlowStep]

    def __post_init__(self) -> None:
        for step in self.steps.values():
            for target in (*step.keys.values(), *([step.otherwise] if step.otherwise else [])):
                if target not in self.steps:
                    raise ValueError(f"flow {self.id}, step {step.key}: there is no step {target}")
        if self.start not in self.steps:
            raise ValueError(f"flow {self.id}: there is no start step {self.start}")
        ends = {key for key, step in self.steps.items() if step.ending is not None}
        grown = True
        while grown:
            reaching = {key for key, step in self.steps.items() if step.otherwise in ends}
            grown = not reaching <= ends
            ends |= reaching
        if stuck := sorted(set(self.steps) - ends):
            raise ValueError(f"flow {self.id}: no end is reached from {', '.join(stuck)} when nobody presses a key")


def step_after(flow: Flow, step: FlowStep, pressed: str, tries_made: int) -> FlowStep:
    """The step after `step` when `pressed` ('' for nothing) came in try `tries_made` (from 1); itself to ask again."""
    if pressed in step.keys:
        return flow.steps[step.keys[pressed]]
    if step.keys and tries_made < step.tries:
        return step
    if step.otherwise is None:
        return step
    return flow.steps[step.otherwise]
