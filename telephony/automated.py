"""An automated call on the line: where its flow stands, written into the call, and what to play or ask next. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from followup.calls import EndReason, LegId
from followup.flows import PERSON_KEY, PERSON_STEP, WANTS_A_PERSON, Again, Flow, FlowEnding, FlowStep, step_after
from followup.key_entries import CLEAR_KEY, EntryKind, EntryVerdict, KeyEntry, judge_entry
from telephony.effects import CollectKeys, Effect, HangUpLeg, PlayPrompt

SLOW_TIMEOUT_SECONDS = 8.0
"""So long at least somebody is waited for who needs time."""

LISTENING_SECONDS = 1.0
"""A shorter wait asks nothing: it only lets a key be pressed while a notice is said."""

MOST_KEYS = 12
"""Of an entry: more than any number has, so that # or a pause ends it and no key of it falls into the next question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPosition:
    """Step, which try of it, and which of its prompts plays (their number: all were heard and a key is waited for).

    Kept in the call's row so that any node can go on; what was entered lies beside it.
    """

    step: str
    tries: int = 1
    prompt: int = 0
    again: Again | None = None
    typed: int = 0  # keys of an entry so far
    cut: bool = False  # a key cut this prompt short
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        why = f".{self.again.value if self.again else ''}.{self.typed}" if self.again or self.typed or self.cut else ""
        why += ".cut" if self.cut else ""
        return f"{self.step}:{self.tries}{why}:{self.prompt}"

    @classmethod
    def read(cls, text: str, values: Mapping[str, str] | None = None) -> "FlowPosition":
        """The position written by `str`."""
        step, tries, prompt = text.rsplit(":", 2)
        made, _, why = tries.partition(".")
        again, _, keys = why.partition(".")
        typed, _, cut = keys.partition(".")
        return cls(
            step=step,
            tries=int(made),
            prompt=int(prompt),
            again=Again(again) if again else None,
            typed=int(typed or 0),
            cut=bool(cut),
            values=values or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The patient's leg, the language and the pace to speak on it, what can be spoken of, what is answered already."""

    leg_id: LegId
    language: str
    slow: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    answered: Mapping[str, str] = field(default_factory=dict)  # item -> answer of an earlier attempt


def begin(flow: Flow, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """The patient answered."""
    return enter(flow, flow.steps[flow.start], 1, line)


def enter(
    flow: Flow,
    step: FlowStep,
    tries: int,
    line: Line,
    *,
    again: Again | None = None,
    values: Mapping[str, str] | None = None,
) -> tuple[FlowPosition, list[Effect]]:
    """Go into a step, or behind it where its question was answered in an earlier attempt."""
    seen: set[str] = set()
    while step.item in line.answered and step.key not in seen and again is None and step.otherwise is not None:
        seen.add(step.key)
        leads = {step.answer_of(key): target for key, target in step.keys.items()}
        step = flow.steps[leads.get(line.answered[step.item], step.otherwise)]
    position = FlowPosition(step=step.key, tries=tries if not seen else 1, again=again, values=values or {})
    return _from_prompt(flow, step, position, line)


def prompt_finished(flow: Flow, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """A prompt of the step was heard to its end."""
    if position.step == PERSON_STEP:
        return position, [HangUpLeg(leg_id=line.leg_id, reason=EndReason.HANG_UP)]
    step = flow.steps[position.step]
    if step.entry is not None and position.typed:
        return position, []  # the end of what the first key has cut short
    if position.prompt + 1 < len(step.prompts_after(position.again)):
        return _from_prompt(flow, step, replace(position, prompt=position.prompt + 1, cut=False), line)
    if step.asks:
        return replace(position, prompt=len(step.prompts_after(position.again)), cut=False), []
    return _leave(flow, step, position, "", line)


def key_pressed(flow: Flow, position: FlowPosition, key: str, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """A key came: it cut the prompt short. Where no key is asked for, the flow goes on as if it had been heard.

    Key 0 brings a person wherever the call stands. In a number it is a digit like others, but no number begins with
    it; a birthday may, and there a 0 with nothing behind it brings a person.
    """
    if position.step == PERSON_STEP:
        return position, []
    step = flow.steps[position.step]
    if step.entry is not None:
        if key == PERSON_KEY and not position.typed and step.entry.kind is EntryKind.NUMBER:
            return _to_person(position), []
        if key in step.keys and not position.typed:
            return enter(flow, flow.steps[step.keys[key]], 1, line, values=position.values)
        if key == "#":
            return replace(position, cut=True), []
        return replace(position, typed=0 if key == CLEAR_KEY else position.typed + 1, cut=True), []
    if key == PERSON_KEY:
        return _to_person(position), []
    if step.keys:
        return replace(position, cut=True), []  # what was pressed comes with the collected keys
    return prompt_finished(flow, position, line)


def keys_collected(
    flow: Flow, position: FlowPosition, pressed: str, line: Line, *, waited_out: bool = False
) -> tuple[FlowPosition, list[Effect]]:
    """The wait for keys is over: they came, or it was `waited_out`.

    What a step has to say is said: a key without a meaning skips no more than the prompt that it cut short, and a wait
    that ended behind an earlier prompt ends nothing. A key that came before it was waited for is lost, and so is the
    rest of the prompt that it cut short: nothing plays any more, and the wait that ended is the prompt's own.
    """
    if position.step == PERSON_STEP or not flow.steps[position.step].asks:
        return position, []
    step = flow.steps[position.step]
    prompts = step.prompts_after(position.again)
    if waited_out and position.prompt < len(prompts) and not position.cut:
        return position, []
    if step.entry is not None:
        return _entered(flow, step, step.entry, position, pressed, line)
    if pressed[:1] not in step.keys and position.prompt + 1 < len(prompts):
        return prompt_finished(flow, position, line)
    return _leave(flow, step, position, pressed[:1], line)


def again(flow: Flow, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
    """What to do on the line when a new node takes the call over in the middle: say the step once more, all of it."""
    if position.step == PERSON_STEP:
        return position, [PlayPrompt(leg_id=line.leg_id, key="comfort", language=line.language)]
    return _from_prompt(flow, flow.steps[position.step], replace(position, prompt=0, typed=0, cut=False), line)


def ending(flow: Flow, position: FlowPosition) -> FlowEnding | None:
    """What the call has come to, if its flow stands at an end."""
    return WANTS_A_PERSON if position.step == PERSON_STEP else flow.steps[position.step].ending


def _to_person(position: FlowPosition) -> FlowPosition:
    return FlowPosition(step=PERSON_STEP, values=position.values)


def _entered(
    flow: Flow, step: FlowStep, entry: KeyEntry, position: FlowPosition, typed: str, line: Line
) -> tuple[FlowPosition, list[Effect]]:
    """An entry is over: on with a good one, confirm a strange one, ask again for what cannot be."""
    entered = judge_entry(entry, typed, {**line.variables, **position.values})
    match entered.verdict:
        case EntryVerdict.PERSON:
            return _to_person(position), []
        case EntryVerdict.GOOD | EntryVerdict.JUMP:
            kept = {**position.values, entry.variable: entered.value} if entered.value else position.values
            target = entry.jump if entered.verdict is EntryVerdict.JUMP and entry.jump else entry.then
            return enter(flow, flow.steps[target], 1, line, values=kept)
        case EntryVerdict.EMPTY if CLEAR_KEY in typed:
            return enter(flow, step, position.tries, line, values=position.values)
    why = Again.SILENCE if entered.verdict is EntryVerdict.EMPTY else Again.RANGE
    return _ask_again(flow, step, position, "", why, line)


def _leave(
    flow: Flow, step: FlowStep, position: FlowPosition, pressed: str, line: Line
) -> tuple[FlowPosition, list[Effect]]:
    if step.ending is not None:
        return position, [HangUpLeg(leg_id=line.leg_id, reason=EndReason.HANG_UP)]
    if pressed not in step.keys:
        return _ask_again(flow, step, position, pressed, Again.OTHER if pressed else Again.SILENCE, line)
    values = position.values
    if step.item and step.keys[pressed] != step.key:
        values = {**values, step.item: step.answer_of(pressed)}
    return enter(flow, flow.steps[step.keys[pressed]], 1, line, values=values)


def _ask_again(
    flow: Flow, step: FlowStep, position: FlowPosition, pressed: str, why: Again, line: Line
) -> tuple[FlowPosition, list[Effect]]:
    following = step_after(flow, step, pressed, position.tries)
    if following.key != step.key:
        return enter(flow, following, 1, line, values=position.values)
    return enter(flow, step, position.tries + 1, line, again=why, values=position.values)


def _from_prompt(flow: Flow, step: FlowStep, position: FlowPosition, line: Line) -> tuple[FlowPosition, list[Effect]]:
    prompts = step.prompts_after(position.again)
    if not prompts:
        if step.asks:
            return position, [_collect(step, line)]
        return _leave(flow, step, position, "", line)
    effects: list[Effect] = [
        PlayPrompt(
            leg_id=line.leg_id,
            key=prompts[position.prompt],
            language=line.language,
            values={**line.variables, **position.values},
            slow=line.slow,
        )
    ]
    if step.asks:
        # Asked anew with every prompt: a key may come in any of them, and the wait is counted from the last one's end.
        effects.append(_collect(step, line))
    return position, effects


def _collect(step: FlowStep, line: Line) -> CollectKeys:
    seconds = step.timeout_seconds
    if line.slow and seconds >= LISTENING_SECONDS:
        seconds = max(seconds, SLOW_TIMEOUT_SECONDS)
    return CollectKeys(leg_id=line.leg_id, count=MOST_KEYS if step.entry else 1, timeout_seconds=seconds)
