"""`suifang flow`: what is wrong with the flows of automated calls, and a call tried out in the terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import yaml
from pydantic import ValidationError

from followup.calls import LegId
from followup.flows import PERSON_KEY, PERSON_STEP, Flow, FlowStep
from runtime.content.documents import ContentError
from runtime.content.flows import FlowDocument
from runtime.content.library import Content
from runtime.settings import Settings
from telephony import automated
from telephony.automated import FlowPosition, Line
from telephony.effects import CollectKeys, Effect, HangUpLeg, PlayPrompt
from telephony.flow_checks import FlowChecks
from telephony.voices.prompts import load_prompts
from telephony.voices.sentences import SentenceShelf, load_sentences

LISTENING_SECONDS = 1.0
MOST_TURNS = 500


class FlowCommandError(Exception):
    """The command cannot be done; the text says why and what to do instead."""


class FlowDesk:
    """The flows of an installation with everything they are checked against and made of."""

    def __init__(self, settings: Settings, content: Content | None = None) -> None:
        self.folder = settings.content_dir / "flows"
        self.content = content or Content(settings.content_dir)
        self.shelf = load_sentences(load_prompts(settings.content_dir / "prompts"))
        self.checks = FlowChecks(
            shelf=self.shelf, forms=self.content.forms, health_words=self.content.health_words.found_in
        )


def check(desk: FlowDesk, file: Path | None, out: TextIO) -> int:
    """Print every fault of one file, or of every flow of the content folder; 1 when there is one."""
    paths = [file] if file is not None else sorted(desk.folder.glob("*.yaml"))
    if not paths:
        raise FlowCommandError(f"{desk.folder} holds no flow")
    faulty = 0
    for path in paths:
        faults = faults_of(path, desk.checks)
        faulty += bool(faults)
        out.writelines(f"✗ {path.name}: {fault}\n" for fault in faults)
        if not faults:
            out.write(f"✓ {path.name}\n")
    return min(faulty, 1)


def faults_of(path: Path, checks: FlowChecks) -> list[str]:
    """Everything that is wrong with one file's flow, one sentence each."""
    return list(_faults(path, checks))


def _faults(path: Path, checks: FlowChecks) -> Iterator[str]:
    try:
        document = FlowDocument.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        flow = document.value()
    except ValidationError as error:
        for each in error.errors():
            yield f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
        return
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        yield str(error)
        return
    yield from (str(fault) for fault in checks.faults(flow))


def try_out(
    desk: FlowDesk,
    flow_id: str,
    *,
    language: str,
    variables: Sequence[str],
    slow: bool,
    keys: Callable[[], str | None],
    out: TextIO,
) -> None:
    """Walk a flow as a call would: what is said, what was pressed, and what would be written."""
    flows = desk.content.flows
    if flow_id not in flows:
        raise FlowCommandError(f"there is no flow {flow_id}; there are {', '.join(sorted(flows))}")
    flow = flows[flow_id]
    line = Line(leg_id=LegId("terminal"), language=language, slow=slow, variables=_variables(flow, variables))
    _Rehearsal(flow=flow, line=line, shelf=desk.shelf, keys=keys, out=out).run()


def _variables(flow: Flow, given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals or name not in flow.variables:
            known = ", ".join(sorted(flow.variables)) or "none"
            raise FlowCommandError(f"--variable {entry}: write NAME=VALUE; the flow {flow.id} has {known}")
        found[name] = value
    return found


class _Rehearsal:
    """One call in the terminal."""

    def __init__(
        self, *, flow: Flow, line: Line, shelf: SentenceShelf, keys: Callable[[], str | None], out: TextIO
    ) -> None:
        self._flow = flow
        self._line = line
        self._shelf = shelf
        self._keys = keys
        self._out = out

    def run(self) -> None:
        position, effects = automated.begin(self._flow, self._line)
        self._came(None, position)
        for _ in range(MOST_TURNS):
            if position.step == PERSON_STEP:
                self._say("→ a person is sought; the flow is over")
                return
            if self._done(effects):
                return
            before = position
            position, effects = self._next(position, effects)
            self._came(before, position)
        raise FlowCommandError(f"the flow {self._flow.id} did not end in {MOST_TURNS} steps")

    def _next(self, position: FlowPosition, effects: list[Effect]) -> tuple[FlowPosition, list[Effect]]:
        """Hear the prompts of the step out, then press; a key that is only listened for is passed over."""
        step = self._flow.steps[position.step]
        last = position.prompt + 1 >= len(step.prompts_after(position.again))
        if not last or not step.asks:
            return automated.prompt_finished(self._flow, position, self._line)
        heard, _ = automated.prompt_finished(self._flow, position, self._line)
        collect = next(effect for effect in effects if isinstance(effect, CollectKeys))
        if collect.timeout_seconds < LISTENING_SECONDS:
            return automated.keys_collected(self._flow, heard, "", self._line, waited_out=True)
        return self._press(heard, step, collect)

    def _press(self, heard: FlowPosition, step: FlowStep, collect: CollectKeys) -> tuple[FlowPosition, list[Effect]]:
        meanings = "digits and #" if step.entry else ", ".join(f"{key}: {to}" for key, to in sorted(step.keys.items()))
        self._out.write(f"   [{meanings}; {PERSON_KEY}: a person; nothing: {collect.timeout_seconds:g} s pass] > ")
        self._out.flush()
        typed = self._keys()
        if typed is None:
            raise FlowCommandError("the input ended before the call did")
        position, effects = heard, list[Effect]()
        for key in typed.strip():
            position, effects = automated.key_pressed(self._flow, position, key, self._line)
            if position.step != heard.step:
                return position, effects
        pressed = typed.strip().split("#")[0]
        return automated.keys_collected(self._flow, position, pressed, self._line, waited_out=not pressed)

    def _done(self, effects: list[Effect]) -> bool:
        for effect in effects:
            if isinstance(effect, PlayPrompt):
                pace = " (slower)" if effect.slow else ""
                self._say(f"♪ {self._shelf.text(effect.key, effect.language, effect.values)}{pace}")
            elif isinstance(effect, HangUpLeg):
                self._say("→ the call is hung up")
                return True
        return False

    def _came(self, before: FlowPosition | None, after: FlowPosition) -> None:
        """What the move would write."""
        known: Mapping[str, str] = before.values if before else {}
        if after.step == PERSON_STEP:
            return
        step = self._flow.steps[after.step]
        items = {each.item for each in self._flow.steps.values() if each.item}
        for item in sorted(items & set(after.values)):
            if after.values[item] != known.get(item):
                self._say(f"✎ answer {item} = {after.values[item]}, in the form {self._flow.form}")
        if before is not None and before.step == after.step:
            return
        for item in step.saves:
            self._say(f"✎ answer {item} = {after.values.get(item)}, in the form {self._flow.form}")
        if step.refuses_recording:
            self._say("✎ the recording stops and is destroyed")
        if step.opts_out:
            self._say("✎ do-not-call entry for this purpose")
        if step.appointment is not None:
            self._say(f"✎ the appointment: {step.appointment.value}; its other open reminders are cancelled")
        if step.owes_person:
            self._say(f"✎ a call by a person is owed (queue {self._flow.person_queue or 'the first of agents'})")
        if step.ending is not None:
            result = step.ending.task_result.value if step.ending.task_result else "what comes next decides"
            self._say(f"✎ outcome {step.ending.outcome.value}, answer {step.ending.answer or '-'}, task: {result}")

    def _say(self, words: str) -> None:
        self._out.write(words + "\n")


def refuse_faulty_flows(settings: Settings, content: Content) -> None:
    """Stop a start with flows that nobody may be called by; ContentError names each fault."""
    checks = FlowDesk(settings, content).checks
    faults = [str(fault) for flow in content.flows.values() for fault in checks.faults(flow)]
    if faults:
        raise ContentError("content/flows: " + "; ".join(faults))
