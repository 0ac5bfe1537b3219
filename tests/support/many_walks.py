"""Many patients walked one after the other, and what the judge found among them."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable
from datetime import time, timedelta

import structlog

from followup.calling_hours import EVERY_DAY, CallingHours
from followup.dialing_rules import Profile
from followup.what_next import AttemptPolicy, NextAction
from runtime.content.library import Content
from runtime.settings import REPOSITORY
from tests.support.call_judge import faults_of
from tests.support.walked_patient import Walk, WalkedPatient, a_walked_patient

CONTENT = Content(REPOSITORY / "content")


def policies() -> dict[str, AttemptPolicy]:
    """The shipped ones, and two that are stricter and laxer than a hospital would be."""
    default = CONTENT.policies["default"]
    return {
        "default": default,
        "patient": dataclasses.replace(
            default, id="patient", max_attempts=9, per_day=None, spread_days=1, spread_parts=1, best_hour=False
        ),
        "to a person": dataclasses.replace(
            default, id="to a person", max_attempts=2, when_exhausted=NextAction.ESCALATE, closing=timedelta(hours=1)
        ),
    }


def profiles() -> dict[str, Profile]:
    """The shipped ones but the demo's, and one whose day holds the noon rest and a day on which nobody is called."""
    shipped = CONTENT.jurisdictions
    hours = (CallingHours(start=time(8), end=time(20, 30), weekdays=EVERY_DAY),)
    noon = dataclasses.replace(
        shipped["cn"], id="noon", hours=hours, make_up_days_as_weekdays=False, holidays=frozenset({"2026-10-26"})
    )
    return {"noon": noon, **{name: shipped[name] for name in ("cn", "us", "uk", "eu")}}


def shown(patient: WalkedPatient) -> str:
    """The patient as values, his hospital's rules by name."""
    values = {each.name: getattr(patient, each.name) for each in dataclasses.fields(patient)}
    values["profile"], values["policy"] = patient.profile.id, patient.policy.id
    values["steps"] = [
        f"{s.key}: {s.earliest} / {s.target} / {s.latest}, every {s.every}, {s.mode.value}, {s.holidays.value}"
        for s in patient.steps
    ]
    return "\n".join(f"  {name}: {value}" for name, value in values.items())


def faults_among(numbers: Iterable[int], seed: int) -> tuple[list[str], Counter[str]]:
    """The faults of the patients with these numbers, each with everything that makes the patient; and what was seen."""
    faults: list[str] = []
    seen: Counter[str] = Counter()
    laws, known = profiles(), policies()
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=False
    )
    try:
        for number in numbers:
            patient = a_walked_patient(number, seed, laws, known)
            life = Walk(patient=patient).live_through()
            found = list(faults_of(life))
            if found:
                faults.append(f"patient {number} of seed {seed}: " + "; ".join(found) + f"\n{shown(patient)}")
            seen["patients"] += 1
            seen["tasks"] += len(life.tasks)
            seen["dials"] += sum(dial.invited_at is not None for dial in life.dials)
            seen["stopped at the last moment"] += sum(dial.invited_at is None for dial in life.dials)
            seen["never dialed"] += len({t.id for t in life.tasks} - {d.task_id for d in life.dials})
            for task in life.tasks:
                seen[f"ended {task.outcome.value if task.outcome else 'open'}"] += 1
    finally:
        structlog.configure(**before)
    return faults, seen
