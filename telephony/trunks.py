"""Trunks: what is known of each line to a carrier or PBX, which serve whom, and what a trunk may never do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runtime.this_machine import is_loopback
from runtime.trunks_file import Purpose, TrunkEntry
from telephony.call_control import Srtp, Transport, Trunk
from telephony.dial_rules import DialRules, NumberFormat, dialed
from telephony.failover import DEFAULT_STATUSES

SAME_AS_CALLER_ID = "caller_id"  # as asserted identity: the number that the call shows


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkTerms:
    """One trunk with everything that its entry in the trunks file says."""

    trunk: Trunk
    purposes: frozenset[Purpose] = frozenset(Purpose)
    channels: int | None = None
    calls_per_second: float = 100.0
    cost: float = 0.0
    failover_statuses: frozenset[int] = DEFAULT_STATUSES
    caller_id_by_queue: Mapping[str, str] = field(default_factory=dict)
    caller_id_by_department: Mapping[str, str] = field(default_factory=dict)
    dial_rules: DialRules = DialRules()  # noqa: RUF009 (frozen)
    ping_seconds: int = 0
    register: bool = False

    @property
    def name(self) -> str:
        """The trunk's name."""
        return self.trunk.name

    def line_for(self, *, queue: str = "", department: str = "") -> Trunk:
        """The trunk as a call of this queue and department takes it: with the number that the patient is to see."""
        caller_id = (
            self.caller_id_by_queue.get(queue) or self.caller_id_by_department.get(department) or self.trunk.caller_id
        )
        asserted = self.trunk.asserted_identity
        return replace(
            self.trunk,
            caller_id=caller_id,
            asserted_identity=caller_id if asserted == SAME_AS_CALLER_ID else asserted,
        )

    def written(self, number: str) -> str:
        """How the number is dialed on this trunk."""
        return dialed(number, self.dial_rules)

    def declared(self) -> dict[str, object]:
        """What may be shown of the trunk: neither its user name nor its password."""
        trunk = self.trunk
        return {
            "host": trunk.host,
            "port": trunk.port,
            "transport": trunk.transport.value,
            "srtp": trunk.srtp.value,
            "codecs": list(trunk.codecs),
            "outbound_proxy": trunk.outbound_proxy,
            "purposes": sorted(self.purposes),
            "channels": self.channels,
            "calls_per_second": self.calls_per_second,
            "cost": self.cost,
            "ping_seconds": self.ping_seconds,
            "registers": self.register,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunks:
    """The lines of this node: one to the carrier for patients, one to the PBX for headsets (often the same).

    `terms` are all of them; where there are none, these two are used as they are.
    """

    patients: Trunk
    headsets: Trunk
    terms: tuple[TrunkTerms, ...] = ()

    @classmethod
    def of(cls, terms: Sequence[TrunkTerms]) -> "Trunks":
        """The cheapest of each purpose leads; the others are there for it."""

        def first(purpose: Purpose) -> Trunk:
            return min((each for each in terms if purpose in each.purposes), key=lambda each: each.cost).line_for()

        return cls(patients=first(Purpose.PATIENTS), headsets=first(Purpose.HEADSETS), terms=tuple(terms))

    @property
    def all(self) -> tuple[TrunkTerms, ...]:
        """Every trunk, each once."""
        if self.terms:
            return self.terms
        if self.patients == self.headsets:
            return (TrunkTerms(trunk=self.patients),)
        return (
            TrunkTerms(trunk=self.patients, purposes=frozenset({Purpose.PATIENTS, Purpose.TRANSFERS})),
            TrunkTerms(trunk=self.headsets, purposes=frozenset({Purpose.HEADSETS})),
        )

    def serving(self, purpose: Purpose) -> tuple[TrunkTerms, ...]:
        """The trunks for a purpose; a transfer goes over the patients' where none is named for it."""
        found = tuple(each for each in self.all if purpose in each.purposes)
        if not found and purpose is Purpose.TRANSFERS:
            return self.serving(Purpose.PATIENTS)
        return found

    def named(self, name: str) -> TrunkTerms | None:
        """The trunk with this name."""
        return next((each for each in self.all if each.name == name), None)

    @property
    def patients_are_loopback(self) -> bool:
        """True if no trunk for patients or transfers can reach anybody outside this machine."""
        return all(
            each.trunk.loopback_only and is_loopback(each.trunk.host)
            for each in (*self.serving(Purpose.PATIENTS), *self.serving(Purpose.TRANSFERS))
        )


def terms_of(entry: TrunkEntry, *, loopback_only: bool) -> TrunkTerms:
    """A trunk as its entry describes it; with `loopback_only` it can reach this machine alone, whatever it says."""
    rules = entry.dial_rules
    return TrunkTerms(
        trunk=Trunk(
            name=entry.name,
            host=entry.host,
            port=entry.signalling_port,
            transport=Transport(entry.transport),
            srtp=Srtp(entry.srtp),
            codecs=entry.codecs,
            session_timer_seconds=entry.session_timer_seconds,
            tel_uri=entry.tel_uri,
            asserted_identity=entry.asserted_identity,
            ca_file=str(entry.ca_file or ""),
            caller_id=entry.caller_ids.default or "",
            username=entry.username,
            password=entry.password.get_secret_value(),
            realm=entry.realm,
            outbound_proxy=entry.outbound_proxy,
            loopback_only=loopback_only or entry.loopback_only or is_loopback(entry.host),
        ),
        purposes=frozenset(entry.purposes),
        channels=entry.channels,
        calls_per_second=entry.calls_per_second,
        cost=entry.cost,
        failover_statuses=frozenset(entry.failover_statuses),
        caller_id_by_queue=entry.caller_ids.queues,
        caller_id_by_department=entry.caller_ids.departments,
        dial_rules=DialRules(
            number_format=NumberFormat(rules.format),
            region=rules.region,
            international_prefix=rules.international_prefix,
            outside_line=rules.outside_line,
            out_of_town_prefix=rules.out_of_town_prefix,
            home_mobile_ranges=rules.home_mobile_ranges,
            home_area_code=rules.home_area_code,
        ),
        ping_seconds=entry.ping_seconds,
        register=entry.register_number,
    )
