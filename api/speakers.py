"""Who is on the line of an attempt, as far as it was shown, and what may therefore be said and asked."""

from dataclasses import dataclass

from care.forms import Form, FormItem
from care.patients import NumberQuality, Patient
from care.relatives import Matter, Relative, Speaker, matters_open_to
from care.responses import skip_reason
from db.unit_of_work import UnitOfWork
from followup.attempts import Attempt
from followup.identity import IdentityFacts, IdentityRule, NeededChecks, needed_checks, risk_of
from followup.plans import Task
from runtime.content.library import Content

DEFAULT_RULE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheLine:
    """Who speaks, and the matters that are open to him."""

    speaker: Speaker
    relative: Relative | None
    matters: frozenset[Matter]

    @property
    def relative_id(self) -> str | None:
        """The relative, if it is one we know."""
        return self.relative.id if self.relative else None

    def why_not(self, item: FormItem) -> str | None:
        """Why this question is not put to him; None if it is. Nothing is filtered before it is shown who he is."""
        if self.speaker is not Speaker.RELATIVE:
            return None
        reason = skip_reason(item, self.matters)
        return reason.value if reason else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The rule of an attempt's queue, and what it asks for now."""

    rule: IdentityRule
    risk: str
    needed: NeededChecks


def on_the_line(uow: UnitOfWork, attempt: Attempt) -> OnTheLine:
    """Who speaks, by the last check that he passed."""
    if attempt.identity_confirmed_at is None:
        return OnTheLine(speaker=Speaker.UNKNOWN, relative=None, matters=frozenset())
    passed = [checked for checked in uow.identity.of_attempt(attempt.id) if checked.enough]
    if not passed or passed[-1].person == "patient":
        return OnTheLine(speaker=Speaker.PATIENT, relative=None, matters=matters_open_to(Speaker.PATIENT))
    relative_id = passed[-1].relative_id
    relative = uow.relatives.get(relative_id) if relative_id is not None else None
    return OnTheLine(
        speaker=Speaker.RELATIVE,
        relative=relative,
        matters=matters_open_to(Speaker.RELATIVE, relative, now=uow.now),
    )


def asked_of(uow: UnitOfWork, content: Content, attempt: Attempt, task: Task, patient: Patient, agent: str) -> Asked:
    """What whoever answers this attempt has to say."""
    rule = content.identity_rules[uow.identity.rule_of(attempt.queue_id) or DEFAULT_RULE]
    form = content.forms.get(task.form) if task.form else None
    point = next((each for each in patient.contact_points if each.id == attempt.contact_point_id), None)
    risk = risk_of(task.purpose, sensitive_form=form is not None and form.sensitive)
    facts = IdentityFacts(
        risk=risk,
        number_verified=point is not None and point.quality is NumberQuality.VERIFIED,
        same_agent_spoke_at=uow.identity.last_confirmed(
            patient.id, number=attempt.number, agent_id=agent, besides=attempt.id
        ),
        now=uow.now,
    )
    return Asked(rule=rule, risk=risk.value, needed=needed_checks(rule, facts))


def skipped_questions(form: Form, line: OnTheLine) -> dict[str, str]:
    """Every question that is not put to whoever is on the line, and why."""
    return {item.link_id: reason for item in form.questions() if (reason := line.why_not(item)) is not None}
