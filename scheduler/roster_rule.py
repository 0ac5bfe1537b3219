"""No plan that asks about signs of danger begins while nobody could be told of them: the rule of the current roster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from db.unit_of_work import UnitOfWork
from followup.answer_alerts import red_rules
from followup.duty import ROSTER_AHEAD, Gap, gaps
from followup.plans import PlanTemplate
from runtime.content.library import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRule:
    """Which forms have red rules; a template that uses one, or has red-flag sets, needs a roster."""

    red_forms: frozenset[str]

    @classmethod
    def of(cls, content: Content) -> "RosterRule":
        """The rule for an installation's content."""
        items = {key: frozenset(item.link_id for item in form.questions()) for key, form in content.forms.items()}
        return cls(red_forms=frozenset(form for form in items if red_rules([form], content.answer_alerts, items)))

    def needs_roster(self, template: PlanTemplate) -> bool:
        """Whether a plan of this template can raise a red alert."""
        return bool(template.red_flags) or any(step.form in self.red_forms for step in template.steps)

    def refusal(self, uow: UnitOfWork, template: PlanTemplate, department: str, zone: str, now: datetime) -> str | None:
        """Why a plan of this template may not begin in a department now; None if it may."""
        if not self.needs_roster(template):
            return None
        until = now + ROSTER_AHEAD
        missing = gaps(uow.duty.between(now, until, department=department), department, now, until)
        if not missing:
            return None
        return (
            f"template {template.id} can raise red alerts, and the duty roster of {department} leaves nobody to be "
            f"told: {_in_words(missing, ZoneInfo(zone))}; enter the shifts of the next 24 hours (POST "
            "/api/v1/duty/shifts), the hospital's own under the department *"
        )


def _in_words(missing: Sequence[Gap], zone: ZoneInfo) -> str:
    return ", ".join(
        f"no {gap.role.value} from {gap.starts_at.astimezone(zone):%Y-%m-%d %H:%M} to "
        f"{gap.ends_at.astimezone(zone):%Y-%m-%d %H:%M}"
        for gap in missing
    )
