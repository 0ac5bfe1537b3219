"""Transfers and monitorings under any order of commands and ends, on the loopback: what must hold whatever happens."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from followup.calls import EndReason, LegId, LegRole
from telephony.call_control import (
    LegEvent,
    LegEventKind,
    MonitorMode,
    OutboundLeg,
    RejectedError,
    TransferEnding,
    TransferMode,
    Trunk,
)
from telephony.line_script import ANSWERS, BUSY, NO_ANSWER, LineScript, answer, hang_up, ring
from telephony.loopback import LoopbackCallControl
from telephony.loopback_time import ManualScheduler
from telephony.transfer_steps import (
    PATIENT_GONE,
    Join,
    Transfer,
    steps_at_answer,
    steps_at_begin,
    steps_at_command,
    steps_at_loss,
)

TRUNK = Trunk(name="loop", host="127.0.0.1")
FAR_ENDS: tuple[LineScript, ...] = (ANSWERS, BUSY, NO_ANSWER, (ring(), answer(), hang_up(after=1.0)))
WHO = st.integers(0, 5)
PATIENT, HEADSET, THIRD = LegId("patient"), LegId("headset"), LegId("third")


class Company(RuleBasedStateMachine):
    """Patients, headsets, third parties and supervisors, and everything that may be done to them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[LegEvent] = []
        self.roles: dict[LegId, LegRole] = {}
        self.time = ManualScheduler()
        self.control = LoopbackCallControl(sink=self.events.append, scheduler=self.time, lines=1000)

    @rule(
        far_end=st.sampled_from(FAR_ENDS[:1] * 3 + FAR_ENDS[1:]),
        third=st.none() | st.sampled_from(FAR_ENDS),
        mode=st.sampled_from(TransferMode),
        followed=st.none() | st.sampled_from(MonitorMode),
    )
    def a_talk_begins(
        self,
        far_end: LineScript,
        third: LineScript | None,
        mode: TransferMode,
        followed: MonitorMode | None,
    ) -> None:
        headset, supervisor = (self._somebody(role) for role in (LegRole.AGENT, LegRole.SUPERVISOR))
        patient = self._leg(LegRole.PATIENT, far_end, None, headset)
        self.control.originate(patient, TRUNK)
        self.time.advance(1.0)
        if followed is not None:
            self._try(lambda: self.control.monitor(supervisor, patient.leg_id, followed))
        if third is not None:
            self._pass_on(patient.leg_id, headset, third, mode)

    @initialize()
    def an_agent_is_there(self) -> None:
        self._somebody(LegRole.AGENT)

    def _somebody(self, role: LegRole) -> LegId:
        leg = self._leg(role, ANSWERS, None, None)
        self.control.originate(leg, TRUNK)
        self.time.advance(1.0)
        return leg.leg_id

    def _pass_on(self, patient: LegId, headset: LegId, far_end: LineScript, mode: TransferMode) -> None:
        to = self._leg(LegRole.THIRD_PARTY, far_end, patient, None)
        self._try(lambda: self.control.transfer(patient, headset=headset, to=to, trunk=TRUNK, mode=mode, music=None))

    def _one(self, number: int) -> LegId:
        """One of the legs there ever were, rather one of the latest."""
        return list(self.roles)[-1 - number % len(self.roles)]

    def _leg(self, role: LegRole, far_end: LineScript, beside: LegId | None, join: LegId | None) -> OutboundLeg:
        leg_id = LegId(f"{role.value}-{len(self.roles)}")
        self.roles[leg_id] = role
        self.control.teach(leg_id, far_end)
        return OutboundLeg(
            leg_id=leg_id,
            attempt_id=leg_id,
            role=role,
            number=leg_id,
            ring_seconds=2.0,
            beside_leg=beside,
            join_leg=join,
        )

    @rule(patient=WHO, headset=WHO, far_end=st.sampled_from(FAR_ENDS), mode=st.sampled_from(TransferMode))
    def passed_on(self, patient: int, headset: int, far_end: LineScript, mode: TransferMode) -> None:
        self._pass_on(self._one(patient), self._one(headset), far_end, mode)

    @rule(patient=WHO, ending=st.sampled_from(TransferEnding))
    def transfer_ended(self, patient: int, ending: TransferEnding) -> None:
        self._try(lambda: self.control.end_transfer(self._one(patient), ending))

    @rule(supervisor=WHO, patient=WHO, mode=st.sampled_from(MonitorMode))
    def monitored(self, supervisor: int, patient: int, mode: MonitorMode) -> None:
        self._try(lambda: self.control.monitor(self._one(supervisor), self._one(patient), mode))

    @rule(one=WHO, two=WHO)
    def bridged(self, one: int, two: int) -> None:
        self._try(lambda: self.control.bridge(self._one(one), self._one(two)))

    @rule(one=WHO, two=WHO)
    def parted(self, one: int, two: int) -> None:
        self._try(lambda: self.control.unbridge(self._one(one), self._one(two)))

    @rule(leg=WHO)
    def hung_up(self, leg: int) -> None:
        self._try(lambda: self.control.hang_up(self._one(leg), EndReason.HANG_UP))

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.5]))
    def time_passes(self, seconds: float) -> None:
        self.time.advance(seconds)

    def _try(self, act: object) -> None:
        assert callable(act)
        try:
            act()
        except RejectedError:
            return
        self.time.advance(0.0)

    @invariant()
    def supervisors_are_bridged_with_nobody(self) -> None:
        for event in self._events(LegEventKind.BRIDGED):
            assert LegRole.SUPERVISOR not in (self.roles[event.leg_id], self.roles[LegId(str(event.values["with"]))])

    @invariant()
    def nobody_is_monitored_but_patients(self) -> None:
        for event in self._events(LegEventKind.MONITORED):
            assert self.roles[LegId(str(event.values["of"]))] is LegRole.PATIENT
            assert self.roles[event.leg_id] is LegRole.SUPERVISOR

    @invariant()
    def bridges_and_partings_alternate_and_nobody_is_joined_with_a_patient_who_leaves(self) -> None:
        together: set[frozenset[str]] = set()
        for event in self._events(LegEventKind.BRIDGED, LegEventKind.UNBRIDGED, LegEventKind.TRANSFER_ENDED):
            if event.kind is LegEventKind.TRANSFER_ENDED:
                left = event.values.get("reason") == PATIENT_GONE
                assert not left or not any(event.leg_id in pair for pair in together)
                continue
            pair = frozenset((event.leg_id, str(event.values["with"])))
            assert (pair in together) is (event.kind is LegEventKind.UNBRIDGED)
            together ^= {pair}

    def teardown(self) -> None:
        for leg_id in self.roles:
            self._try(lambda leg_id=leg_id: self.control.hang_up(leg_id, EndReason.HANG_UP))
        self.time.advance(60.0)
        assert self.control.status() == ()
        begun = Counter(event.values["to"] for event in self._events(LegEventKind.TRANSFER_BEGUN))
        over = Counter(event.values["to"] for event in self._events(LegEventKind.TRANSFER_ENDED))
        assert begun == over
        ends = Counter(event.leg_id for event in self._events(LegEventKind.ENDED))
        assert all(number == 1 for number in ends.values())
        last = {event.leg_id: event.kind for event in self.events}
        assert set(last.values()) <= {LegEventKind.ENDED}

    def _events(self, *kinds: LegEventKind) -> list[LegEvent]:
        return [event for event in self.events if event.kind in kinds]


Company.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestCompany = Company.TestCase


transfers = st.builds(
    Transfer,
    patient=st.just(PATIENT),
    headset=st.just(HEADSET),
    third=st.just(THIRD),
    mode=st.sampled_from(TransferMode),
    third_answered=st.booleans(),
)


@given(transfers, st.sampled_from([PATIENT, HEADSET, THIRD]))
def test_a_loss_never_brings_patient_and_third_party_together(transfer: Transfer, lost: LegId) -> None:
    joins = [step for step in steps_at_loss(transfer, lost, "busy") if isinstance(step, Join)]
    assert Join(leg_id=PATIENT, other=THIRD) not in joins
    assert steps_at_begin(transfer)


@given(transfers)
def test_only_a_decision_brings_patient_and_third_party_together(transfer: Transfer) -> None:
    joined = Join(leg_id=PATIENT, other=THIRD)
    assert (joined in steps_at_answer(transfer)) is (transfer.mode is TransferMode.BLIND)
    assert joined not in steps_at_command(transfer, TransferEnding.BACK)
