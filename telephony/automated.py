"""An automated call on the line: where its flow stands, written into the call, and what to play or ask next. Pure."""

from dataclasses import dataclass

from followup.calls import EndReason, LegId
from followup.flows import PERSON_KEY, PERSON_STEP, WANTS_A_PERSON, Flow, FlowEnding, FlowStep, step_after
from telephony.effects import CollectKeys, Effect, HangUpLeg, PlayPrompt


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPosition:
    """Step, which try of it, and which of its prompts plays (their number: all were heard and a key is waited for).

    Kept in the call's row so that any node can go on.
    """

    step: str
    tries: int = 1
    prompt: int = 0

    def __str__(self) -> str:
        return f"{self.step}:{self.tries}:{self.prompt}"

    @classmethod
    def read(cls, text: str) -> "FlowPosition":
        """The position written by `str`."""
        step, tries, prompt = text.rsplit(":", 2)
        return cls(step=step, tries=int(tries), prompt=int(prompt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The patient's leg and the language to speak on it."""

    leg_id: LegId
    language: str


def begin(flow: Flow, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """The patient answered."""
    return enter(flow, flow.steps[flow.start], 1, line)


def enter(flow: Flow, step: FlowStep, tries: int, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """Go into a step."""
    return _from_prompt(flow, step, FlowPosition(step=step.key, tries=tries), line)


def prompt_finished(flow: Flow, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """A prompt of the step was heard to its end."""
    if position.step == PERSON_STEP:
        return position, [HangUpLeg(leg_id=line.leg_id, reason=EndReason.HANG_UP)]
    step = flow.steps[position.step]
    if position.prompt + 1 < len(step.prompts):
        return _from_prompt(
            flow, step, FlowPosition(step=step.key, tries=position.tries, prompt=position.prompt + 1), line
        )
    if step.keys:
        return FlowPosition(step=step.key, tries=position.tries, prompt=len(step.prompts)), []
    return _leave(flow, step, position, "", line)


def key_pressed(flow: Flow, position: FlowPosition, key: str, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """A key came: it cut the prompt short. Where no key is asked for, the flow goes on as if it had been heard.

    Key 0 brings a person wherever the call stands.
    """
    if position.step == PERSON_STEP:
        return position, []
    if key == PERSON_KEY:
        return FlowPosition(step=PERSON_STEP), []
    if flow.steps[position.step].keys:
        return position, []  # what was pressed comes with the collected keys
    return prompt_finished(flow, position, line)


def keys_collected(
    flow: Flow, position: FlowPosition, pressed: str, line: Line, *, waited_out: bool = False
) -> tuple[FlowPosition, list[Effect]]:
    """The wait for a key is over: one came, or it was `waited_out`.

    What a step has to say is said: a key without a meaning skips no more than the prompt that it cut short, and a wait
    that ended behind an earlier prompt ends nothing.
    """
    if position.step == PERSON_STEP or not flow.steps[position.step].keys:
        return position, []
    step = flow.steps[position.step]
    if waited_out and position.prompt < len(step.prompts):
        return position, []
    if pressed[:1] not in step.keys and position.prompt + 1 < len(step.prompts):
        return prompt_finished(flow, position, line)
    return _leave(flow, step, position, pressed[:1], line)


def again(flow: Flow, position: FlowPosition, line: Line) -> list[Effect]:
    """What to do on the line when a new node takes the call over in the middle: say the step once more."""
    if position.step == PERSON_STEP:
        return [PlayPrompt(leg_id=line.leg_id, key="comfort", language=line.language)]
    return enter(flow, flow.steps[position.step], position.tries, line)[1]


def ending(flow: Flow, position: FlowPosition) -> FlowEnding | None:
    """What the call has come to, if its flow stands at an end."""
    return WANTS_A_PERSON if position.step == PERSON_STEP else flow.steps[position.step].ending


def _leave(
    flow: Flow, step: FlowStep, position: FlowPosition, pressed: str, line: Line
) -> tuple[FlowPosition, list[Effect]]:
    if step.ending is not None:
        return position, [HangUpLeg(leg_id=line.leg_id, reason=EndReason.HANG_UP)]
    following = step_after(flow, step, pressed, position.tries)
    tries = position.tries + 1 if following.key == step.key and pressed not in step.keys else 1
    return enter(flow, following, tries, line)


def _from_prompt(flow: Flow, step: FlowStep, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
    if not step.prompts:
        if step.keys:
            return position, [_collect(step, line)]
        return _leave(flow, step, position, "", line)
    effects: list[Effect] = [PlayPrompt(leg_id=line.leg_id, key=step.prompts[position.prompt], language=line.language)]
    if step.keys:
        # Asked anew with every prompt: a key may come in any of them, and the wait is counted from the last one's end.
        effects.append(_collect(step, line))
    return position, effects


def _collect(step: FlowStep, line: Line) -> CollectKeys:
    return CollectKeys(leg_id=line.leg_id, count=1, timeout_seconds=step.timeout_seconds)
