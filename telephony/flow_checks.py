"""What is wrong with a flow before anybody is called by it: each fault with its place, its reason and what to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from care.forms import Form, ItemType
from followup.flows import Flow, FlowStep, VariableKind, reachable
from followup.key_entries import EntryKind
from telephony.voices.sentences import SentenceShelf, slot_of
from telephony.voices.spoken_values import FORMS, TEXT

LANGUAGES = ("zh", "en")
OPENING = ("greeting", "machine_notice", "recording_notice")
"""The first words of every automated call: hospital, machine, recording notice; then comes the identity."""

REFUSAL_KEY, REPEAT_KEY = "8", "*"
LISTENING_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 5.0

TELLING = ("门诊", "预约", "病历", "复诊", "体重", "看病", "appointment", "clinic", "weight", "your visit", "patient")
"""What tells that somebody is in care, beside the words of content/health_words.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFault:
    """One thing to mend."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChecks:
    """Everything that a flow is checked against."""

    shelf: SentenceShelf
    forms: Mapping[str, Form]
    health_words: Callable[[str], tuple[str, ...]]

    def faults(self, flow: Flow) -> list[FlowFault]:
        """All faults of a flow that can be walked, in the order of its steps; none when it may be used."""
        found = [
            FlowFault(place=f"{flow.id}: step {step.key}", reason="no step leads here; take it out or lead to it")
            for step in flow.steps.values()
            if step.key not in reachable(flow, proven=True)
        ]
        for step in flow.steps.values():
            place = f"{flow.id}: step {step.key}"
            reasons = (*self._said(flow, step), *self._asked(flow, step), *self._answered(flow, step))
            found.extend(FlowFault(place=place, reason=reason) for reason in reasons)
        return [*found, *(FlowFault(place=flow.id, reason=reason) for reason in self._in_order(flow))]

    # --- what a step says ---

    def _said(self, flow: Flow, step: FlowStep) -> Iterator[str]:
        for key in dict.fromkeys((*step.prompts, *(each for said in step.again.values() for each in said))):
            if not self.shelf.knows(key):
                yield from self._recorded(key)
                continue
            sentence = self.shelf.sentences[key]
            yield from self._recorded(sentence.otherwise)
            for language in LANGUAGES:
                for part in sentence.parts(language):
                    slot = slot_of(part)
                    if slot is None:
                        yield from self._recorded(part, (language,))
                    else:
                        yield from self._slot(flow, key, *slot)

    def _recorded(self, key: str, languages: tuple[str, ...] = LANGUAGES) -> Iterator[str]:
        for language in languages:
            try:
                self.shelf.piece_file(key, language)
            except KeyError as missing:
                yield f"prompt {key} in {language}: {missing.args[0]}"

    @staticmethod
    def _slot(flow: Flow, key: str, variable: str, form: str) -> Iterator[str]:
        terms = flow.variables.get(variable)
        if form not in (*FORMS, TEXT):
            yield f"sentence {key}: a value has no form {form!r}; there are {', '.join((*FORMS, TEXT))}"
        if terms is None:
            yield f"sentence {key}: the flow has no variable {variable}; name it under `variables`"
        elif terms.kind is VariableKind.UNSPOKEN:
            yield f"sentence {key}: {variable} is compared and never said; take it out of the sentence"
        elif terms.kind is VariableKind.PLACE and not flow.says_department:
            yield f"sentence {key}: it names a department, and the flow does not allow that (says_department)"

    # --- what a step asks ---

    @staticmethod
    def _asked(flow: Flow, step: FlowStep) -> Iterator[str]:
        listens_only = step.timeout_seconds < LISTENING_SECONDS
        if step.asks and not listens_only and step.timeout_seconds < SHORTEST_WAIT_SECONDS:
            yield f"it waits {step.timeout_seconds:g} s for a key; give people at least {SHORTEST_WAIT_SECONDS:g} s"
        if step.keys and step.entry is None and not listens_only and step.keys.get(REPEAT_KEY) != step.key:
            yield f"no key says it again; let {REPEAT_KEY} lead back to {step.key}"
        if step.asks and not listens_only and step.ending is not None:
            yield "it ends the call and asks for a key too; lead the keys on, or take them out"
        entry = step.entry
        if entry is None:
            return
        for name in (entry.variable, *((entry.compared_with,) if entry.compared_with else ())):
            if name not in flow.variables:
                yield f"its entry is about a variable {name}, which the flow does not have; name it under `variables`"
        if entry.kind is EntryKind.BIRTHDAY and step.proves != entry.then:
            yield f"a birthday proves who is there: set `proves: {entry.then}`"
        if entry.kind is EntryKind.BIRTHDAY and any(key in "019" for key in step.keys):
            yield "a birthday may begin with 0 or 1; give such a key no other meaning"

    def _answered(self, flow: Flow, step: FlowStep) -> Iterator[str]:
        items = (*((step.item,) if step.item else ()), *step.saves)
        if not items:
            return
        form = self.forms.get(flow.form) if flow.form else None
        if form is None:
            yield f"it answers {', '.join(items)}, but there is no form {flow.form}; name one under `form`"
            return
        for item in items:
            question = form.item(item)
            if question is None:
                yield f"the form {form.id} has no item {item}"
            elif item == step.item and question.type is ItemType.CHOICE:
                answers = {step.answer_of(key) for key, target in step.keys.items() if target != step.key}
                if strange := sorted(answers - {option.value for option in question.options}):
                    yield f"{', '.join(strange)} is no answer to {item} of the form {form.id}"

    # --- the order of a call ---

    def _in_order(self, flow: Flow) -> Iterator[str]:
        start = flow.steps[flow.start]
        if start.prompts != OPENING:
            yield f"it begins with {', '.join(start.prompts) or 'nothing'}; every call begins with {', '.join(OPENING)}"
        asking = [step for step in flow.steps.values() if step.proves is not None]
        if not asking:
            yield "nobody is asked who he is: no step has `proves`, so the matter is told to anybody"
            return
        if start.otherwise not in {step.key for step in asking}:
            yield f"behind the notices comes {start.otherwise}; the identity has to come first"
        for step in (start, *asking):
            refusal = flow.steps.get(step.keys.get(REFUSAL_KEY, ""))
            if refusal is None or not refusal.refuses_recording:
                yield f"step {step.key}: nobody can refuse the recording; lead key {REFUSAL_KEY} to a step that does it"
        for key in sorted(reachable(flow, proven=False)):
            yield from self._neutral(flow, flow.steps[key])

    def _neutral(self, flow: Flow, step: FlowStep) -> Iterator[str]:
        """Nothing about health, and no value but a form of address, before the identity is known."""
        for prompt in dict.fromkeys((*step.prompts, *(each for said in step.again.values() for each in said))):
            sentence = self.shelf.sentences.get(prompt)
            for variable in sorted(sentence.variables()) if sentence else ():
                terms = flow.variables.get(variable)
                if terms is not None and terms.kind is not VariableKind.NAME:
                    yield f"step {step.key}: {prompt} says {variable} before the identity is known"
            for language in LANGUAGES:
                text = self._text(prompt, language).lower()
                told = (*self.health_words(text), *(word for word in TELLING if word in text))
                if told:
                    yield f"step {step.key}: {prompt} says {', '.join(told)} before the identity is known"

    def _text(self, prompt: str, language: str) -> str:
        sentence = self.shelf.sentences.get(prompt)
        parts = (*sentence.parts(language), sentence.otherwise) if sentence else (prompt,)
        known = (self._known_text(part, language) for part in parts if slot_of(part) is None)
        return " ".join(known)

    def _known_text(self, key: str, language: str) -> str:
        try:
            return self.shelf.piece_text(key, language)
        except KeyError:
            return ""  # told as a missing prompt
