"""The record as the API tells it: each item with its words in two languages, its source and its instant."""

from collections.abc import Callable, Mapping

from api.fields import Answer, Instant
from care.timeline import TimelineItem, TimelineKind
from runtime.content.documents import Wording
from runtime.content.library import Content


class ItemAnswer(Answer):
    """One item of the timeline; `facts` are the item's own, by its kind. The whole stands at the item's own address."""

    kind: TimelineKind
    kind_title: Wording
    title: Wording
    id: str
    at: Instant
    source: str
    source_title: Wording
    facts: dict[str, object]


def item_answer(item: TimelineItem, content: Content) -> ItemAnswer:
    """An item in words."""
    words = content.record_words
    kind_title = words.kinds[item.kind]
    return ItemAnswer(
        kind=item.kind,
        kind_title=kind_title,
        title=_title(item, content) or kind_title,
        id=item.id,
        at=item.at,
        source=item.source,
        source_title=words.source_title(item.source),
        facts=dict(item.facts),
    )


def _title(item: TimelineItem, content: Content) -> Wording | None:
    """What this one is about; None where the kind says it all."""
    title_of = _TITLES.get(item.kind)
    return title_of(item.facts, content) if title_of else None


def _both(text: object) -> Wording | None:
    return Wording(zh=str(text), en=str(text)) if text else None


def _of(texts: Mapping[str, str] | None) -> Wording | None:
    return Wording(zh=texts["zh"], en=texts["en"]) if texts else None


def _form(facts: Mapping[str, object], content: Content) -> Wording | None:
    form = content.forms.get(str(facts["form_id"]))
    return _of(form.title) if form else _both(facts["form_id"])


def _plan(facts: Mapping[str, object], content: Content) -> Wording | None:
    template = content.plans.get(str(facts["template_id"]))
    return _both(template.title if template else facts["template_id"])


def _alert(facts: Mapping[str, object], content: Content) -> Wording | None:
    rule = next((rule for rule in content.answer_alerts if rule.code == facts["code"]), None)
    return _of(rule.title) if rule else _both(facts["code"])


def _result(facts: Mapping[str, object], content: Content) -> Wording | None:
    concept = content.concepts.get(str(facts["code"]))
    return _of(concept.names) if concept else _both(facts["code"])


def _request(facts: Mapping[str, object], content: Content) -> Wording | None:
    cause = content.request_causes.by_code().get(str(facts["cause"]))
    return cause.title if cause else _both(facts["cause"])


def _person(facts: Mapping[str, object], content: Content) -> Wording | None:
    title = next((title for field, title in content.record_words.person.items() if field == facts["field"]), None)
    return (
        Wording(zh=f"{title.zh}：{facts['value'] or '—'}", en=f"{title.en}: {facts['value'] or '—'}") if title else None
    )


def _name(facts: Mapping[str, object], content: Content) -> Wording | None:  # noqa: ARG001
    return _both(facts.get("name"))


def _visit(facts: Mapping[str, object], content: Content) -> Wording | None:
    kind, department = content.record_words.visit_title(str(facts["kind"])), facts.get("department") or "—"
    return Wording(zh=f"{kind.zh} · {department}", en=f"{kind.en} · {department}")


def _titled(facts: Mapping[str, object], content: Content) -> Wording | None:  # noqa: ARG001
    """What carries its own title in both languages."""
    title = facts.get("title") or facts.get("titles")
    return Wording(zh=str(title["zh"]), en=str(title["en"])) if isinstance(title, dict) and "zh" in title else None


def _number(facts: Mapping[str, object], content: Content) -> Wording | None:  # noqa: ARG001
    return _both(facts.get("number"))


_TITLES: Mapping[TimelineKind, Callable[[Mapping[str, object], Content], Wording | None]] = {
    TimelineKind.VISIT: _visit,
    TimelineKind.CONDITION: _name,
    TimelineKind.ALLERGY: _name,
    TimelineKind.PROCEDURE: _name,
    TimelineKind.FAMILY: _name,
    TimelineKind.MEDICINE: _name,
    TimelineKind.DISPENSE: _name,
    TimelineKind.RESULT: _result,
    TimelineKind.RISK: _titled,
    TimelineKind.GOAL: _titled,
    TimelineKind.TAG: _titled,
    TimelineKind.SUMMARY: _number,
    TimelineKind.FORM: _form,
    TimelineKind.PLAN: _plan,
    TimelineKind.ALERT: _alert,
    TimelineKind.REQUEST: _request,
    TimelineKind.PERSON: _person,
}
