"""One request, task or leg event is one unit of work is one transaction; only the edge commits."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from db.advice import AdviceRepository
from db.alerts import AlertRepository
from db.appointments import AppointmentRepository
from db.attempts import AttemptRepository
from db.audit import AuditLog
from db.audit_chain import AuditChain
from db.calendar import CalendarRepository, Shelf
from db.calls import CallRepository
from db.campaigns import CampaignRepository
from db.captions import CaptionRepository
from db.cards import CardRepository
from db.care_team import CareTeamRepository
from db.claims import ClaimRepository
from db.day_exceptions import DayExceptionRepository
from db.decisions import DecisionRepository
from db.duplicates import DuplicateRepository
from db.duty import DutyRepository
from db.education import EducationRepository
from db.feeds import FeedRepository
from db.gate_facts import GateFactsRepository
from db.goals import GoalRepository
from db.heard_answers import HeardAnswerRepository
from db.help_requests import HelpRequestRepository
from db.history import HistoryRepository
from db.households import HouseholdRepository
from db.identity import IdentityRepository
from db.import_undo import ImportUndo
from db.imports import ImportRepository
from db.inbound_calls import InboundCallRepository
from db.indicators import IndicatorRepository
from db.keywords import KeywordRepository
from db.legal_holds import LegalHoldRepository
from db.listed_people import ListedPeople
from db.medicines import MedicineRepository
from db.merges import MergeRepository
from db.messages import MessageRepository
from db.notes import NoteRepository
from db.number_searches import NumberSearchRepository
from db.objections import ObjectionRepository
from db.observations import ObservationRepository
from db.outbox import Outbox
from db.pacing import PacingRepository
from db.parked_tasks import ParkedTaskRepository
from db.patient_links import PatientLinkRepository
from db.patient_search import PatientSearch
from db.patients import PatientRepository
from db.plan_records import PlanRecords
from db.plans import PlanRepository
from db.preferences import PreferenceRepository
from db.proposals import TreatmentProposalRepository
from db.purges import PurgeRepository
from db.quality import QualityRepository
from db.queues import QueueRepository
from db.real_calls import RealCallRepository
from db.received_messages import ReceivedMessageRepository
from db.recorded_calls import RecordedCalls
from db.recording_copies import RecordingCopyRepository
from db.recording_gaps import RecordingGapRepository
from db.recording_remarks import RemarkRepository
from db.recordings import RecordingRepository
from db.redacted_copies import RedactedCopyRepository
from db.registries import RegistryRepository
from db.relatives import RelativeRepository
from db.requests import RequestRepository
from db.responses import ResponseRepository
from db.retention import RetentionRepository
from db.reviews import ReviewRepository
from db.risk import RiskRepository
from db.running import RunningRepository
from db.stated_values import StatedValueRepository
from db.summaries import SummaryRepository
from db.supervision import SupervisionRepository
from db.switches import SwitchRepository
from db.tags import TagRepository
from db.timeline import TimelineRepository
from db.transfers import TransferRepository
from db.trunks import TrunkRepository
from db.turn_search import TurnSearch
from db.unmapped_results import UnmappedResultRepository
from db.unmet_needs import UnmetNeedRepository
from db.users import UserRepository
from db.vault import VaultRepository
from db.waiting import WaitingRepository
from db.wakes import send_wakes
from db.wall import WallRepository
from db.worklists import WorklistRepository
from followup.events import DomainEvent


def _as_it_is(now: datetime) -> datetime:
    return now


class UnitOfWork:
    """A transaction and the repositories in it; leaving it without `commit` rolls back.

    `now` is the database's clock at the transaction's start: gates and windows ask it, so that two machines with
    different clocks agree.
    """

    def __init__(
        self, sessions: sessionmaker[Session], clock: Callable[[datetime], datetime], calendars: Shelf
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._calendars = calendars

    def __enter__(self) -> Self:
        self._session = self._sessions()
        self.patients = PatientRepository(self._session)
        self.patient_search = PatientSearch(self._session)
        self.cards = CardRepository(self._session)
        self.households = HouseholdRepository(self._session)
        self.objections = ObjectionRepository(self._session)
        self.switches = SwitchRepository(self._session)
        self.plans = PlanRepository(self._session)
        self.merges = MergeRepository(self._session)
        self.plan_records = PlanRecords(self._session)
        self.calendar = CalendarRepository(self._session, self._calendars)
        self.gate_facts = GateFactsRepository(self._session, self.calendar)
        self.queues = QueueRepository(self._session)
        self.waiting = WaitingRepository(self._session)
        self.claims = ClaimRepository(self._session)
        self.worklists = WorklistRepository(self._session)
        self.pacing = PacingRepository(self._session)
        self.attempts = AttemptRepository(self._session)
        self.appointments = AppointmentRepository(self._session)
        self.calls = CallRepository(self._session)
        self.campaigns = CampaignRepository(self._session)
        self.captions = CaptionRepository(self._session)
        self.care_team = CareTeamRepository(self._session)
        self.inbound = InboundCallRepository(self._session)
        self.indicators = IndicatorRepository(self._session)
        self.recordings = RecordingRepository(self._session)
        self.redacted_copies = RedactedCopyRepository(self._session)
        self.turn_search = TurnSearch(self._session, self.care_team)
        self.recording_copies = RecordingCopyRepository(self._session)
        self.recording_gaps = RecordingGapRepository(self._session)
        self.recorded_calls = RecordedCalls(self._session, self.care_team)
        self.remarks = RemarkRepository(self._session)
        self.retention = RetentionRepository(self._session)
        self.legal_holds = LegalHoldRepository(self._session)
        self.purges = PurgeRepository(self._session)
        self.alerts = AlertRepository(self._session)
        self.keywords = KeywordRepository(self._session)
        self.goals = GoalRepository(self._session)
        self.medicines = MedicineRepository(self._session)
        self.advice = AdviceRepository(self._session)
        self.education = EducationRepository(self._session)
        self.treatment_proposals = TreatmentProposalRepository(self._session)
        self.duty = DutyRepository(self._session)
        self.requests = RequestRepository(self._session)
        self.heard_answers = HeardAnswerRepository(self._session)
        self.notes = NoteRepository(self._session)
        self.responses = ResponseRepository(self._session)
        self.observations = ObservationRepository(self._session)
        self.unmapped_results = UnmappedResultRepository(self._session)
        self.links = PatientLinkRepository(self._session)
        self.relatives = RelativeRepository(self._session)
        self.identity = IdentityRepository(self._session)
        self.history = HistoryRepository(self._session)
        self.stated = StatedValueRepository(self._session)
        self.timeline = TimelineRepository(self._session)
        self.reviews = ReviewRepository(self._session)
        self.trunks = TrunkRepository(self._session)
        self.transfers = TransferRepository(self._session)
        self.summaries = SummaryRepository(self._session)
        self.risk = RiskRepository(self._session)
        self.tags = TagRepository(self._session)
        self.registries = RegistryRepository(self._session)
        self.unmet_needs = UnmetNeedRepository(self._session)
        self.quality = QualityRepository(self._session)
        self.real_calls = RealCallRepository(self._session)
        self.supervisions = SupervisionRepository(self._session)
        self.help_requests = HelpRequestRepository(self._session)
        self.wall = WallRepository(self._session)
        self.day_exceptions = DayExceptionRepository(self._session)
        self.imports = ImportRepository(self._session)
        self.feeds = FeedRepository(self._session)
        self.listed_people = ListedPeople(self._session)
        self.duplicates = DuplicateRepository(self._session, self.listed_people)
        self.import_undo = ImportUndo(self._session)
        self.parked = ParkedTaskRepository(self._session)
        self.users = UserRepository(self._session)
        self.running = RunningRepository(self._session)
        self.preferences = PreferenceRepository(self._session)
        self.outbox = Outbox(self._session)
        self.messages = MessageRepository(self._session, self.outbox)
        self.received = ReceivedMessageRepository(self._session)
        self.decisions = DecisionRepository(self._session)
        self.number_searches = NumberSearchRepository(self._session)
        self.now = self._clock(self._session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one())
        self.vault = VaultRepository(self._session, self.now)
        self.audit = AuditLog(self._session, self.now, self.care_team)
        self.audit_chain = AuditChain(self._session, self.now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was read stays readable outside; a rollback would empty it.
        self._session.expunge_all()
        self._session.rollback()
        self._session.close()

    def emit(self, event: DomainEvent) -> None:
        """Write a domain event into this transaction."""
        self.outbox.add(event, self.now)

    def flush(self) -> None:
        """Send what was added so far, so that the database's own rules speak now."""
        self._session.flush()

    def savepoint(self) -> AbstractContextManager[object]:
        """A part that can fail alone: an error leaving it undoes only what was done inside."""
        return self._session.begin_nested()

    def commit(self) -> None:
        """Make it so."""
        send_wakes(self._session)
        self._session.commit()

    def lead(self, name: str) -> bool:
        """Try to hold the advisory lock `name` until the end of this transaction."""
        return bool(
            self._session.execute(text("SELECT pg_try_advisory_xact_lock(hashtext(:name))"), {"name": name}).scalar()
        )


class UnitsOfWork:
    """Makes units of work for one database.

    `clock` turns the database's instant into the one that counts: itself, but for a scenario played on another day.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[datetime], datetime] = _as_it_is) -> None:
        self.engine = engine
        self._clock = clock
        self._calendars: Shelf = {}
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    def __call__(self) -> UnitOfWork:
        return UnitOfWork(self._sessions, self._clock, self._calendars)


def database_is_away(error: BaseException) -> bool:
    """True if the error says that the database could not be reached or went away: the work may be tried again."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
