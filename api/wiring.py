"""What the routes may reach: handed to `create_app` once, found on the running app by every request."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Request

from db.calendar import HospitalTime
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from followup.ports import RecordingStore
from runtime.content.library import Content
from runtime.live_events import AsyncLiveStream
from scheduler.roster_rule import RosterRule
from telephony.headsets.door import GatewayDoor
from telephony.headsets.ice_servers import IceSettings
from transcription.search_language import SearchLanguage


class Finding(Protocol):
    """One thing that the doctor looked at."""

    @property
    def subject(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def seen(self) -> str: ...
    @property
    def mend(self) -> str: ...


CONCURRENT_UNITS = 12
"""Requests with an open transaction at one time; the database's pool must hold as many connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Everything outside the API that its routes use."""

    units: UnitsOfWork
    content: Content
    store: RecordingStore
    live: AsyncLiveStream
    gate: Gate
    zone: ZoneInfo
    https: bool  # browsers come by https: cookies are sent over nothing else
    hasher: PasswordHasher
    headsets: GatewayDoor
    ice: IceSettings
    search: SearchLanguage
    console_dir: Path = Path("console/dist")  # the built console
    calendar_region: str = "CN"  # whose working days count
    request_days: int = 5  # working days until a request is answered
    request_days_several: int = 10  # and one that concerns several departments
    roster: RosterRule | None = None  # no plan with red rules begins without a duty roster; None: it is not asked
    public_url: str = ""  # where a patient's telephone finds us
    hospital_name: str = ""
    hospital_name_en: str = ""
    call_back_number: str = ""  # the published one
    import_rows_days: float = 30.0  # how long rows of lists are kept
    report_keys: tuple[str, ...] = ()  # by which prints are checked, oldest first
    font_folders: tuple[Path, ...] = ()  # further fonts of printed reports
    retention_purges: bool = False  # recordings whose time is over are destroyed
    speech_models: tuple[str, ...] = ()  # that queues can be given
    area_code: str = ""  # of landlines written without one
    examine: Callable[[], Sequence[Finding]] = tuple  # what the doctor finds in this installation
    signatures: Callable[[], Mapping[str, Ed25519PublicKey]] = dict  # keys whose signatures count here, by fingerprint
    cost_per_minute: float | None = None  # of a patient's call, on the cheapest trunk that declares it
    ping_seconds: float = 15.0  # how often a live console is pinged and its log-in looked at again
    # Waiting here costs nothing; waiting for a connection would hold a thread that the connection's holder needs.
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENT_UNITS))

    @property
    def time(self) -> HospitalTime:
        """The clock and calendar by which the hospital plans."""
        return HospitalTime(zone=self.zone, region=self.calendar_region)


def wiring_of(request: Request) -> Wiring:
    """The wiring of the app that answers this request."""
    wiring: Wiring = request.app.state.wiring
    return wiring
