"""The whole content folder, read from YAML and checked when it is first asked for."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from care.adherence import AdherenceRules
from care.care_team import GlassReason
from care.concepts import IGNORED, CodeMap, Concept, UnitRules
from care.education import Programme
from care.forms import Form
from care.risk.inputs import RiskInput
from care.risk.models import RiskModel
from care.segments import Channel, Hearing, PartOfDay, SegmentRule
from care.tags import TagRule
from followup.alerts import AlertClock, AlertLevel
from followup.answer_alerts import AnswerRule
from followup.calls import CauseCode
from followup.dialing_rules import Profile
from followup.flows import Flow
from followup.follow_up_rules import FollowUpRules
from followup.identity import IdentityRule
from followup.inbound_menu import InboundMenu
from followup.keywords import KeywordSet
from followup.plans import PlanTemplate
from followup.replies import ReplyRules
from followup.retention import RetentionRules
from followup.what_next import AttemptPolicy, DecisionReason
from runtime.content.adherence import AdherenceDocument
from runtime.content.advice import AdviceLibrary, AdviceRulesDocument, ArticleDocument, Known, advice_library
from runtime.content.alert_levels import AlertLevelsDocument
from runtime.content.answer_alerts import AnswerAlertsDocument
from runtime.content.attempt_policies import PolicyDocument
from runtime.content.decision_reasons import DecisionReasonsDocument
from runtime.content.diagnosis_groups import DiagnosisGroupsDocument
from runtime.content.documents import ContentError, Head, Wording
from runtime.content.education import ProgrammeDocument, programmes_of
from runtime.content.end_reasons import EndReasonsDocument
from runtime.content.enrollment import EnrollmentDocument
from runtime.content.feeds import ANY_SENDER, DischargePlans, FeedSender
from runtime.content.flows import FlowDocument
from runtime.content.follow_up_rules import FollowUpRulesDocument
from runtime.content.forms import FormDocument
from runtime.content.glass_reasons import GlassReasonsDocument
from runtime.content.goals import GoalDocument
from runtime.content.identity_rules import IdentityRuleDocument
from runtime.content.inbound import InboundMenuDocument
from runtime.content.indicators import IndicatorsDocument
from runtime.content.jurisdictions import JurisdictionDocument
from runtime.content.keywords import KeywordSetDocument
from runtime.content.medicine_names import MedicineNamesDocument
from runtime.content.messages import HealthWordsDocument, MessageText
from runtime.content.observations import CodeMapDocument, ObservationsDocument, UnitsDocument
from runtime.content.plans import Named, PlanDocument, missing_in
from runtime.content.prompt_lengths import prompt_lengths
from runtime.content.prompt_texts import prompt_texts
from runtime.content.queues import QueuesDocument
from runtime.content.record_words import RecordWordsDocument
from runtime.content.recording_words import RecordingWordsDocument
from runtime.content.redaction import RedactionSigns
from runtime.content.registries import AssessmentDocument, RegistryDocument
from runtime.content.replies import RepliesDocument
from runtime.content.reports import ReportDocument
from runtime.content.request_causes import RequestCausesDocument
from runtime.content.result_classes import ResultClassesDocument
from runtime.content.retention import RetentionDocument
from runtime.content.risk import RiskModelDocument
from runtime.content.risk_inputs import RiskInputsDocument
from runtime.content.scorecards import ScorecardDocument
from runtime.content.scripts import Script
from runtime.content.search_words import SearchWordsDocument
from runtime.content.source_ranks import SourceRanks, SourceRanksDocument
from runtime.content.tags import ATTEMPT_OUTCOME, OUTCOMES, Asked, KnownContent, SegmentDocument, TagDocument
from runtime.content.unmet_needs import UnmetNeedsDocument

Document = TypeVar("Document", bound=Head)
Value = TypeVar("Value")


def _drafts_in(document: object, name: str) -> Iterator[str]:
    """Names of what is a draft in a file: the file's content itself, or entries of a list in it (prompts)."""
    if not isinstance(document, dict):
        return
    if document.get("status") == "draft":
        yield str(document.get("id", name))
    for entries in document.values():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("status") == "draft":
                yield f"{name}/{entry.get('language', '')}/{entry.get('key', '')}"


class Content:
    """Everything under the content folder, checked as a whole when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read_all(self) -> None:
        """Read and check every kind now, with all that one names of another; ContentError for the first fault."""
        for name, kind in vars(type(self)).items():
            if isinstance(kind, cached_property):
                getattr(self, name)

    @cached_property
    def jurisdictions(self) -> dict[str, Profile]:
        """Calling rules by jurisdiction."""
        return {d.id: self._made(d.value) for d in self._read("jurisdictions", JurisdictionDocument)}

    @cached_property
    def retention_documents(self) -> dict[str, RetentionDocument]:
        """How long recordings are kept by jurisdiction, as it is written; every jurisdiction has its rules."""
        found = {d.id: d for d in self._read("retention", RetentionDocument)}
        if missing := sorted(set(self.jurisdictions) - set(found)):
            raise ContentError(f"content/retention: no rules for {', '.join(missing)}; add a file for each")
        return found

    @cached_property
    def retention(self) -> dict[str, RetentionRules]:
        """How long recordings are kept, by jurisdiction."""
        return {name: self._made(document.value) for name, document in self.retention_documents.items()}

    @cached_property
    def policies(self) -> dict[str, AttemptPolicy]:
        """Attempt policies by id."""
        texts = self.messages
        for document in self.policy_documents.values():
            unknown = sorted(document.texts() - set(texts))
            if unknown:
                raise ContentError(
                    f"content/attempt_policies: {document.id} sends {', '.join(unknown)}, which content/messages does "
                    "not have"
                )
        return {name: self._made(document.value) for name, document in self.policy_documents.items()}

    @cached_property
    def policy_documents(self) -> dict[str, PolicyDocument]:
        """Attempt policies as they are written, so that a queue can change single values."""
        return {d.id: d for d in self._read("attempt_policies", PolicyDocument)}

    @cached_property
    def plans(self) -> dict[str, PlanTemplate]:
        """Plan templates by id; each names only queues, forms, flows, red flags and rules that there are."""
        known = Named(
            queues={queue.name: (queue.mode, queue.purpose) for queue in self.queues.queues},
            forms=frozenset(self.forms),
            flows=frozenset(self.flows),
            red_flags=frozenset(path.stem for path in (self._folder / "red_flags").glob("*.yaml")),
            rules=frozenset(rules.topic for rules in self.follow_up_rules.values()),
        )
        documents = self._read("plans", PlanDocument)
        for path in sorted((self._folder / "plans").glob("*.yaml")):
            document = PlanDocument.model_validate(self._document(path))
            if fault := missing_in(document, known):
                raise ContentError(f"content/plans/{path.name}, {fault}")
        return {d.id: self._made(d.value) for d in documents}

    @cached_property
    def plan_titles(self) -> dict[str, Wording]:
        """The titles of plan templates in both languages, by id."""
        return {d.id: d.title for d in self._read("plans", PlanDocument)}

    @cached_property
    def queues(self) -> QueuesDocument:
        """The queues that the plans name."""
        return self._only("queues.yaml", QueuesDocument)

    @cached_property
    def follow_up_rules(self) -> dict[str, FollowUpRules]:
        """Rules by which results change a plan, by id."""
        return {d.id: self._made(d.value) for d in self._read("follow_up_rules", FollowUpRulesDocument)}

    @cached_property
    def flows(self) -> dict[str, Flow]:
        """Automated calls by id."""
        return {d.id: self._made(d.value) for d in self._read("flows", FlowDocument)}

    @cached_property
    def inbound_menus(self) -> dict[str, InboundMenu]:
        """Menus and hours of the inbound line by id; each says only prompts that there are, in both languages."""
        menus = {d.id: self._made(d.value) for d in self._read("inbound", InboundMenuDocument)}
        for menu in menus.values():
            missing = sorted(
                f"{language}/{prompt}"
                for language in ("zh", "en")
                for prompt in menu.prompts
                if not (self._folder / "prompts" / language / f"{prompt}.wav").exists()
            )
            if missing:
                raise ContentError(
                    f"content/inbound: {menu.id} says {', '.join(missing)}; record them in content/prompts"
                )
        return menus

    @cached_property
    def forms(self) -> dict[str, Form]:
        """Questionnaires by id."""
        forms = {d.id: self._made(d.value) for d in self._read("forms", FormDocument)}
        for form in forms.values():
            missing = sorted(form.forms_that_follow() - set(forms))
            if missing:
                raise ContentError(
                    f"content/forms: a band of {form.id} leads to {', '.join(missing)}, which is not there"
                )
        return forms

    @cached_property
    def answer_alerts(self) -> tuple[AnswerRule, ...]:
        """Which answers are signs of danger, of all forms."""
        return tuple(rule for d in self._read("answer_alerts", AnswerAlertsDocument) for rule in self._made(d.value))

    @cached_property
    def advice(self) -> AdviceLibrary:
        """Vetted texts, and whom what may never be told."""
        bands = {
            f"{form.id}.{score.id}": frozenset(band.code for band in score.bands)
            for form in self.forms.values()
            for score in form.scores
        }
        known = Known(
            groups=frozenset(self.diagnosis_groups),
            concepts=frozenset(self.concepts),
            bands=bands,
            plan_templates=frozenset(self.plans),
            risk_models=frozenset(self.risk_models),
        )
        rules = self._only("advice_rules.yaml", AdviceRulesDocument)
        return advice_library(rules, self._read("advice", ArticleDocument), known)

    @cached_property
    def goals(self) -> dict[str, GoalDocument]:
        """Goals that are offered, by id."""
        found = {d.id: d for d in self._read("goals", GoalDocument)}
        for goal in found.values():
            groups = sorted({*goal.groups, *goal.not_for_groups} - set(self.diagnosis_groups))
            codes = sorted({target.code for target in goal.targets} - set(self.concepts))
            if groups or codes:
                raise ContentError(f"content/goals: {goal.id} names {', '.join(groups + codes)}, which is not there")
        return found

    @cached_property
    def adherence_document(self) -> AdherenceDocument:
        """Rules of adherence as they are written."""
        document = self._only("adherence.yaml", AdherenceDocument)
        if document.cause not in self.request_causes.by_code():
            raise ContentError(f"content/adherence.yaml: {document.cause} is no cause of content/request_causes.yaml")
        return document

    @cached_property
    def adherence(self) -> AdherenceRules:
        """What counts as taking medicine as agreed, and to whom reasons go."""
        return self.adherence_document.value()

    @cached_property
    def education(self) -> dict[str, Programme]:
        """What patients are taught, by id."""
        return programmes_of(
            self._read("education", ProgrammeDocument),
            forms=self.forms,
            groups=self.diagnosis_groups,
            plan_templates=self.plans,
        )

    @cached_property
    def alert_levels(self) -> AlertLevelsDocument:
        """What each level of alert demands."""
        path = self._folder / "alert_levels.yaml"
        try:
            return AlertLevelsDocument.model_validate(self._document(path))
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error

    @cached_property
    def alert_clocks(self) -> Mapping[AlertLevel, AlertClock]:
        """The clock of each level."""
        return self._made(self.alert_levels.value)

    @cached_property
    def identity_rules(self) -> dict[str, IdentityRule]:
        """Which facts a person has to say, by id."""
        return {d.id: self._made(d.value) for d in self._read("identity_rules", IdentityRuleDocument)}

    @cached_property
    def enrollment(self) -> EnrollmentDocument:
        """The words for cards, proofs, households and duplicates."""
        return self._only("enrollment.yaml", EnrollmentDocument)

    @cached_property
    def glass_reasons(self) -> dict[GlassReason, dict[str, str]]:
        """Why a record may be opened from outside the care team, in both languages."""
        reasons = self._only("glass_reasons.yaml", GlassReasonsDocument).reasons
        return {reason: {"zh": words.zh, "en": words.en} for reason, words in reasons.items()}

    @cached_property
    def request_causes(self) -> RequestCausesDocument:
        """What requests and complaints are about."""
        path = self._folder / "request_causes.yaml"
        try:
            return RequestCausesDocument.model_validate(self._document(path))
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error

    @cached_property
    def scorecards(self) -> dict[str, ScorecardDocument]:
        """What calls are judged by, by id."""
        found = {d.id: d for d in self._read("scorecards", ScorecardDocument)}
        for document in found.values():
            self._made(document.value)
        return found

    @cached_property
    def end_reasons(self) -> dict[CauseCode, Wording]:
        """Why a call ended, in words for the agent."""
        path = self._folder / "end_reasons.yaml"
        try:
            words = EndReasonsDocument.model_validate(self._document(path)).words
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error
        missing = ", ".join(sorted(set(CauseCode) - set(words)))
        if missing:
            raise ContentError(f"content/{path.name}: no words for {missing}; add them in zh and en")
        return words

    @cached_property
    def decision_reasons(self) -> dict[DecisionReason, Wording]:
        """Why the system decided so after an attempt, in words."""
        path = self._folder / "decision_reasons.yaml"
        try:
            words = DecisionReasonsDocument.model_validate(self._document(path)).words
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error
        missing = ", ".join(sorted(set(DecisionReason) - set(words)))
        if missing:
            raise ContentError(f"content/{path.name}: no words for {missing}; add them in zh and en")
        return words

    @cached_property
    def diagnosis_group_document(self) -> DiagnosisGroupsDocument:
        """Groups of illnesses with their names in words."""
        return self._only("diagnosis_groups.yaml", DiagnosisGroupsDocument)

    @cached_property
    def diagnosis_groups(self) -> dict[str, tuple[str, ...]]:
        """How the ICD-10 codes of each group of illnesses begin."""
        return self.diagnosis_group_document.value()

    @cached_property
    def record_words(self) -> RecordWordsDocument:
        """The record's own words."""
        return self._only("record_words.yaml", RecordWordsDocument)

    @cached_property
    def recording_words(self) -> RecordingWordsDocument:
        """What is missing of recordings, in words."""
        return self._only("recording_words.yaml", RecordingWordsDocument)

    @cached_property
    def source_ranks(self) -> SourceRanks:
        """Whose word holds where sources differ."""
        return self._only("source_ranks.yaml", SourceRanksDocument).value()

    @cached_property
    def feed_senders(self) -> dict[str, FeedSender]:
        """How messages of the hospital's systems are read, by sender; `*` is whoever is not named."""
        senders = {each.sender: each for each in self._read("feeds", FeedSender)}
        if ANY_SENDER not in senders:
            raise ContentError('content/feeds: no file is for the sender "*"; without it a new sender cannot be read')
        return senders

    @cached_property
    def replies(self) -> ReplyRules:
        """How what patients write back is read and answered."""
        rules = self._only("replies.yaml", RepliesDocument).value()
        concepts = {each.code for each in rules.readings} - set(self.concepts)
        alerts = set(rules.answers) - {rule.code for rule in self.answer_alerts}
        if concepts or alerts:
            raise ContentError(f"content/replies.yaml: there is no {', '.join(sorted(concepts | alerts))}")
        return rules

    @cached_property
    def discharge_plans(self) -> DischargePlans:
        """Which plan follows a discharge or an appointment that the hospital's systems tell of."""
        found = self._only("discharge_plans.yaml", DischargePlans)
        unknown = sorted(found.templates() - set(self.plans))
        if unknown:
            raise ContentError(f"content/discharge_plans.yaml: there is no plan template {', '.join(unknown)}")
        return found

    @cached_property
    def scripts(self) -> dict[str, Script]:
        """What agents say first, by id."""
        return {d.id: d for d in self._read("scripts", Script)}

    @cached_property
    def health_words(self) -> HealthWordsDocument:
        """Words that say something about a person's health, his department or his results."""
        path = self._folder / "health_words.yaml"
        try:
            return HealthWordsDocument.model_validate(self._document(path))
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{path.name}: {error}") from error

    @cached_property
    def messages(self) -> dict[str, MessageText]:
        """What is written to patients, by id; none of it says anything about health."""
        texts = {d.id: d for d in self._read("messages", MessageText)}
        for text in texts.values():
            words = self.health_words.found_in(f"{text.text.zh} {text.text.en}")
            if words:
                raise ContentError(
                    f"content/messages: {text.id} says {', '.join(words)}; whoever holds the telephone reads it, so "
                    "name the hospital and its number only (content/health_words.yaml lists what may not be said)"
                )
        return texts

    @cached_property
    def observations(self) -> ObservationsDocument:
        """What is measured, as it is written; `concepts` has it by code."""
        return self._only("observations.yaml", ObservationsDocument)

    @cached_property
    def concepts(self) -> dict[str, Concept]:
        """What is measured, by code; the scores that are kept as results are those of forms that there are."""
        concepts = {each.code: each.value() for each in self.observations.concepts}
        scores = {f"{form.id}.{score.id}" for form in self.forms.values() for score in form.scores}
        unknown = sorted(each.score for each in concepts.values() if each.score and each.score not in scores)
        if unknown:
            raise ContentError(f"content/observations.yaml: no form has the score {', '.join(unknown)}")
        return concepts

    @cached_property
    def unit_rules(self) -> UnitRules:
        """Spellings of units and the ways between them."""
        rules = self._made(self._only("unit_conversions.yaml", UnitsDocument).value)
        unknown = sorted({code for each in rules.conversions for code in each.concepts} - set(self.concepts))
        if unknown:
            raise ContentError(f"content/unit_conversions.yaml: there is no concept {', '.join(unknown)}")
        return rules

    @cached_property
    def code_maps(self) -> tuple[CodeMap, ...]:
        """What local codes stand for, map by map."""
        maps = tuple(self._made(d.value) for d in self._read("code_maps", CodeMapDocument))
        for each in maps:
            meant = {part for mapped in each.codes.values() for part in mapped.concept.split("/")} - {IGNORED}
            if unknown := sorted(meant - set(self.concepts)):
                raise ContentError(f"content/code_maps: {each.id} names {', '.join(unknown)}, which is no concept")
        return maps

    @cached_property
    def reports(self) -> dict[str, ReportDocument]:
        """The words of printed reports, by id."""
        return {d.id: d for d in self._read("reports", ReportDocument)}

    @cached_property
    def tag_documents(self) -> dict[str, TagDocument]:
        """Tags with their words, by code; every tag that rules of follow-up name is one of them."""
        documents = {d.id: d for d in self._read("tags", TagDocument)}
        known = self._askable(tags=())
        for document in documents.values():
            self._check_asked("tags", document.id, document.when.asks(), known)
        unknown = sorted({rules.tag for rules in self.follow_up_rules.values()} - set(documents))
        if unknown:
            raise ContentError(f"content/follow_up_rules: {', '.join(unknown)} is no tag of content/tags")
        return documents

    @cached_property
    def tag_rules(self) -> tuple[TagRule, ...]:
        """Rules that add and take off tags."""
        return tuple(document.value() for document in self.tag_documents.values())

    @cached_property
    def segment_documents(self) -> dict[str, SegmentDocument]:
        """Segments with their words, by id."""
        documents = {d.id: d for d in self._read("segments", SegmentDocument)}
        known = self._askable(tags=self.tag_documents)
        for document in documents.values():
            self._check_asked("segments", document.id, document.when.asks(), known)
            unknown = sorted(set(document.steers.plans) - set(self.plans))
            if unknown:
                raise ContentError(f"content/segments: {document.id} proposes plan {', '.join(unknown)}: there is none")
        return documents

    @cached_property
    def segment_rules(self) -> tuple[SegmentRule, ...]:
        """Who is in which segment, and what it asks of scheduling."""
        return tuple(document.value() for document in self.segment_documents.values())

    @cached_property
    def registries(self) -> dict[str, RegistryDocument]:
        """Registries by illness."""
        found = {d.id: d for d in self._read("registries", RegistryDocument)}
        topics = {rules.topic for rules in self.follow_up_rules.values()}
        for each in found.values():
            if each.group not in self.diagnosis_groups or each.topic not in topics:
                raise ContentError(
                    f"content/registries: {each.id} names group {each.group} and topic {each.topic}; one is not there"
                )
        return found

    @cached_property
    def medicine_names(self) -> MedicineNamesDocument:
        """What medicines are called: generic names and brands."""
        return self._only("medicine_names.yaml", MedicineNamesDocument)

    @cached_property
    def redaction(self) -> RedactionSigns:
        """What tells a name or an address in what is said."""
        return self._only("redaction.yaml", RedactionSigns).besides(self.medicine_names)

    @cached_property
    def search_words(self) -> SearchWordsDocument:
        """Words of the search's dictionary, and names that mean the same."""
        return self._only("search_words.yaml", SearchWordsDocument)

    @cached_property
    def keyword_sets(self) -> dict[str, KeywordSet]:
        """The shipped sets of words that supervisors want to hear of, by id."""
        return {document.id: document.value() for document in self._read("keywords", KeywordSetDocument)}

    @cached_property
    def indicators(self) -> IndicatorsDocument:
        """What each indicator is called and how it is defined, in words."""
        return self._only("indicators.yaml", IndicatorsDocument)

    @cached_property
    def unmet_needs(self) -> UnmetNeedsDocument:
        """The words for what was not met."""
        return self._only("unmet_needs.yaml", UnmetNeedsDocument)

    @cached_property
    def assessments(self) -> dict[str, AssessmentDocument]:
        """Composite assessments of a visit, by id."""
        found = {d.id: d for d in self._read("assessments", AssessmentDocument)}
        for each in found.values():
            forms = {part.form for section in each.sections for part in section.forms} - set(self.forms)
            codes = {test.code for section in each.sections for test in section.tests} - set(self.concepts)
            if forms or codes:
                raise ContentError(
                    f"content/assessments: {each.id} names {', '.join(sorted(forms | codes))}, which is not there"
                )
        return found

    def _askable(self, *, tags: Iterable[str]) -> KnownContent:
        """What conditions of tags and segments may name."""
        scores = {f"{form.id}.{score.id}": score for form in self.forms.values() for score in form.scores}
        items = {item.link_id for form in self.forms.values() for item in form.questions()}
        classes = self.result_classes
        topics = {rules.topic for rules in self.follow_up_rules.values()}
        words: dict[tuple[str, str], Collection[bool | float | str]] = {
            ("preference", "hearing"): [each.value for each in Hearing],
            ("preference", "part_of_day"): [each.value for each in PartOfDay],
            ("preference", "channel"): [each.value for each in Channel],
            ("attempts", ATTEMPT_OUTCOME): OUTCOMES,
            **{("score", name): [band.code for band in score.bands] for name, score in scores.items()},
            **{
                ("risk", name): [band.key for bands in model.bands.values() for band in bands]
                for name, model in self.risk_models.items()
            },
            **{("spell", topic): self.concepts for topic in topics},
        }
        return KnownContent(
            names={
                "group": self.diagnosis_groups,
                "tag": frozenset(tags),
                "result": self.concepts,
                "result_class": {*classes.banded(), "blood_pressure"},
                "score": scores,
                "answer": items,
                "attempts": (ATTEMPT_OUTCOME,),
                "risk": self.risk_models,
                "preference": ("hearing", "part_of_day", "channel"),
                "card": ("language", "dialect", "sex"),
                "spell": topics,
            },
            words=words,
        )

    @staticmethod
    def _check_asked(folder: str, name: str, asked: Iterable[Asked], known: KnownContent) -> None:
        for each in asked:
            if fault := known.fault(each):
                raise ContentError(f"content/{folder}: {name}: {fault}")

    @cached_property
    def risk_words(self) -> RiskInputsDocument:
        """What risk scores ask for, and the words beside every result."""
        words = self._only("risk_inputs.yaml", RiskInputsDocument)
        if words.telling.cause not in self.request_causes.by_code():
            raise ContentError(
                f"content/risk_inputs.yaml: {words.telling.cause} is no cause of content/request_causes.yaml"
            )
        return words

    @cached_property
    def risk_inputs(self) -> dict[str, RiskInput]:
        """What risk scores ask for, by name."""
        return self._made(lambda: self.risk_words.value(self.diagnosis_groups))

    @cached_property
    def risk_models(self) -> dict[str, RiskModel]:
        """Risk scores and classes by id, in the order in which they are shown."""
        inputs = self.risk_inputs
        models = [self._made(partial(document.value, inputs)) for document in self._read("risk", RiskModelDocument)]
        return {model.id: model for model in sorted(models, key=lambda model: model.order)}

    @cached_property
    def result_classes(self) -> ResultClassesDocument:
        """The classes of weight, waist, blood pressure and glucose."""
        document = self._only("result_classes.yaml", ResultClassesDocument)
        unknown = sorted({each.concept for each in document.concepts} - set(self.concepts))
        if unknown:
            raise ContentError(f"content/result_classes.yaml: there is no concept {', '.join(unknown)}")
        return document

    @cached_property
    def prompt_lengths(self) -> Mapping[str, float]:
        """Seconds of each recorded prompt, as it is said in Chinese."""
        return prompt_lengths(self._folder / "prompts" / "zh")

    @cached_property
    def prompt_texts(self) -> dict[str, Wording]:
        """What recorded prompts and sentences say, by key."""
        return prompt_texts(self._folder / "prompts")

    def drafts(self) -> list[str]:
        """Ids of everything that no clinician has signed yet."""
        return sorted(
            {name for path in self._folder.rglob("*.yaml") for name in _drafts_in(self._document(path), path.stem)}
        )

    def _document(self, path: Path) -> object:
        try:
            return yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ContentError(f"content/{path.relative_to(self._folder)}: {error}") from error

    def _only(self, name: str, document: type[Document]) -> Document:
        path = self._folder / name
        try:
            return document.model_validate(self._document(path))
        except (ValidationError, OSError) as error:
            raise ContentError(f"content/{name}: {error}") from error

    def _read(self, kind: str, document: type[Document]) -> list[Document]:
        found: list[Document] = []
        for path in sorted((self._folder / kind).glob("*.yaml")):
            try:
                found.append(document.model_validate(self._document(path)))
            except ValidationError as error:
                raise ContentError(f"content/{kind}/{path.name}: {error}") from error
        if not found:
            raise ContentError(f"content/{kind} holds no YAML file; SUIFANG_CONTENT_DIR must name the content folder")
        ids = [d.id for d in found]
        if len(set(ids)) != len(ids):
            raise ContentError(f"content/{kind}: an id is used twice among {', '.join(sorted(ids))}")
        return found

    @staticmethod
    def _made(make: Callable[[], Value]) -> Value:
        try:
            return make()
        except ValueError as error:
            raise ContentError(str(error)) from error
