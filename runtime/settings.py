"""Everything a hospital can set: SUIFANG_* environment variables, read once and checked before any process works."""

import hashlib
import ipaddress
import os
import re
import stat
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from followup.dialing_rules import Mode
from runtime.this_machine import is_loopback

PREFIX = "SUIFANG_"
PORTS_PER_WORKER = 40
LOWEST_PORT = 1024
SHORTEST_KEY = 32
REPOSITORY = Path(__file__).resolve().parents[1]


class SettingsError(Exception):
    """The settings cannot be used; the text has one line for each variable: what is wrong and what to set instead."""


class Jurisdiction(StrEnum):
    """Which calling law holds."""

    CN = "cn"
    US = "us"
    EU = "eu"
    UK = "uk"
    DEMO = "demo"


class SpeechEngine(StrEnum):
    """What turns speech into text."""

    FASTER_WHISPER = "faster-whisper"
    OPENAI_WHISPER = "openai-whisper"
    ENDPOINT = "endpoint"  # a server with OpenAI's audio/transcriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechModel:
    """A named choice of engine and model: a queue can have its own."""

    name: str
    engine: SpeechEngine
    model: str | None  # a path, or a name that the engine knows; none: the packaged one


class HeadsetCodec(StrEnum):
    """Which G.711 browser headsets speak first: the one of the trunk, so that nobody has to convert."""

    PCMA = "PCMA"
    PCMU = "PCMU"


class WorkerTasks(StrEnum):
    """Which tasks a worker takes: speech takes minutes, so a second worker keeps it from holding up the others."""

    ALL = "all"
    SPEECH = "speech"
    OTHERS = "others"


class LogFormat(StrEnum):
    """How a log line looks: for a person's eyes, or one JSON object."""

    CONSOLE = "console"
    JSON = "json"


def _default_state_dir() -> Path:
    return Path("/var/lib/suifang") if os.geteuid() == 0 else Path.home() / ".local" / "state" / "suifang"


def _default_postgres_dir(values: dict[str, Any]) -> Path:
    state_dir: Path = values.get("state_dir", _default_state_dir())
    sibling = state_dir.with_name(state_dir.name + "-postgres")
    if os.geteuid() != 0 or closed_parent(sibling) is None:
        return sibling
    # As root the server runs as a user of its own, who cannot pass a closed folder such as /root.
    return Path("/var/lib/suifang-postgres") / hashlib.sha256(str(state_dir).encode()).hexdigest()[:12]


def _default_public_url(values: dict[str, Any]) -> str:
    scheme = "https" if values.get("tls_certificate") else "http"
    return f"{scheme}://{values.get('api_host', '127.0.0.1')}:{values.get('api_port', 8080)}"


def closed_parent(path: Path) -> Path | None:
    """The first existing parent folder of `path` that other users may not pass through, or None."""
    for parent in reversed(path.parents):
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


_SPEECH_MODEL = re.compile(rf"([a-z0-9][a-z0-9_-]{{0,31}})=({'|'.join(SpeechEngine)}):(\S+)")
OWN_MODEL = "own"
"""The name of the installation's own speech model, for queues without one."""


class Settings(BaseSettings):
    """One field for each SUIFANG_* variable; times are seconds, folders absolute."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    mode: Mode = Mode.TRIAL
    node_name: str = Field(default="node-1", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")

    state_dir: Path = Field(default_factory=_default_state_dir)
    postgres_dir: Path = Field(default_factory=_default_postgres_dir)
    content_dir: Path = REPOSITORY / "content"
    console_dir: Path = REPOSITORY / "console" / "dist"

    database_url: str | None = None
    broker_url: str | None = None

    hospital_name: str = ""
    hospital_name_en: str = ""  # empty: the other one is said in English too
    call_back_number: str = ""  # the published one; what messages ask patients to ring back
    hospital_zone: str = "Asia/Shanghai"
    jurisdiction: Jurisdiction = Jurisdiction.CN
    # Whose working days and holidays count: a country, or a part of one (GB-SCT).
    calendar_region: str = Field(default="CN", pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")

    alert_queue: str = ""  # name of the queue whose agents ring back after an alert; empty: that of the alert's task
    roster_required: bool = True  # no plan that asks about red flags begins without a duty roster
    request_days: int = Field(default=5, ge=1, le=60)  # working days until a request or complaint is answered
    request_days_several: int = Field(default=10, ge=1, le=90)  # and one that several departments have to answer

    tls_certificate: Path | None = None
    tls_key: Path | None = None
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=1, le=65535)
    public_url: str = Field(default_factory=_default_public_url, pattern=r"^https?://[^\s/]+")

    sip_host: str = "127.0.0.1"
    sip_port_base: int = Field(default=15060, ge=1024, le=65000)
    rtp_port_base: int = Field(default=20000, ge=1024, le=65000, multiple_of=2)
    take_calls: bool = False  # further call workers take calls from outside, on the ports below SIP_PORT_BASE
    front_workers: int = Field(default=2, ge=1, le=20)  # so many do, two callers each; the edge asks one after another
    rtp_sources: Literal["declared", "same_host", "any"] = "declared"  # from where sound is taken; docs/edge.md
    workers_warm: int = Field(default=1, ge=0, le=200)
    workers_max: int = Field(default=6, ge=1, le=200)
    calls_per_worker: int = Field(default=20, ge=1)
    ring_seconds: float = Field(default=30.0, ge=5, le=120)
    silent_seconds: float = Field(default=5.0, ge=2, le=60)  # nothing heard of a line for so long is told to the agent
    silent_end_seconds: float = Field(default=60.0, ge=10, le=600)  # and for so long ends a patient's line

    trunks_file: Path | None = None
    old_tls_to_internet: bool = False
    trunk_host: str | None = None
    trunk_port: int = Field(default=5060, ge=1, le=65535)
    trunk_caller_id: str = ""
    trunk_username: str = ""
    trunk_password: SecretStr = SecretStr("")
    outbound_proxy: str = ""
    trial_allow_list: Annotated[tuple[str, ...], NoDecode] = ()
    never_dialed: Annotated[tuple[str, ...], NoDecode] = ()  # how the hospital's own numbers begin, wards and desks
    domestic_hosts: Annotated[tuple[str, ...], NoDecode] = ()  # services that stay in the country
    transfer_assessment_id: str = Field(default="", max_length=100)  # of the recorded assessment that allows others

    inbound_queue: str = ""  # name of the queue whose agents serve callers; empty: the first one of agents
    inbound_patience_seconds: float = Field(default=30.0, ge=5, le=600)
    inbound_offer_seconds: float = Field(default=15.0, ge=5, le=60)
    inbound_remember_days: float = Field(default=14.0, ge=0, le=366)

    headset_port: int = Field(default=14060, ge=1024, le=65000)
    headset_codec: HeadsetCodec = HeadsetCodec.PCMA
    stun_url: str | None = Field(default=None, pattern=r"^stuns?:[A-Za-z0-9.-]+(:\d{1,5})?$")
    turn_url: str | None = Field(default=None, pattern=r"^turns?:[A-Za-z0-9.-]+(:\d{1,5})?(\?transport=(udp|tcp))?$")
    turn_secret: SecretStr = SecretStr("")
    turn_only: bool = False

    # Sign what is printed; several between commas, the newest last. Empty: this machine makes its own.
    report_keys: SecretStr = SecretStr("")
    font_folders: Annotated[tuple[Path, ...], NoDecode] = ()  # further fonts, for names that ours have no letter for

    import_rows_days: float = Field(default=30.0, ge=1, le=366)  # how long the rows of a list that came in are kept
    feeds_host: str = "127.0.0.1"
    feeds_port: int | None = Field(default=None, ge=1, le=65535)  # HL7 over MLLP; 2575 is its own; none: not heard
    feeds_peers: Annotated[tuple[str, ...], NoDecode] = ()  # addresses or networks that may send
    feeds_tls: bool = False  # with SUIFANG_TLS_CERTIFICATE and SUIFANG_TLS_KEY
    feeds_client_ca: Path | None = None  # senders show a certificate of this authority
    feeds_message_mb: int = Field(default=8, ge=1, le=64)  # the longest message
    feeds_days: float = Field(default=90.0, ge=1, le=3660)  # how long messages are kept as they came

    # Where finished recordings lie: empty is a folder of the state folder; s3://BUCKET/PREFIX a bucket (docs/vault.md).
    recordings_url: str = Field(default="", pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?)?$")
    s3_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/]+$")  # none: the one of Amazon
    s3_region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{2,40}$")
    s3_access_key: str = ""
    s3_secret_key: SecretStr = SecretStr("")
    s3_seconds: float = Field(default=30.0, ge=1, le=300)  # for one request; it is tried again for twice as long
    vault_key_file: Path | None = None  # keys that wrap those of recordings; none: keys/vault.json of the state folder
    vault_key: str = Field(default="", pattern=r"^(aws-kms://arn:aws[a-z-]*:kms:[^\s]+)?$")  # one in a key service
    kms_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/]+$")
    kms_access_key: str = ""
    kms_secret_key: SecretStr = SecretStr("")

    retention_purges: bool = False  # recordings whose time is over are destroyed; otherwise only told of
    # When smaller copies of recordings are made, 01:00-05:00; none: never.
    copy_hours: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")

    area_code: str = Field(default="", pattern=r"^(0\d{2,3})?$")  # of landlines written without one

    speech_engine: SpeechEngine = SpeechEngine.FASTER_WHISPER
    speech_model: str | None = None
    # Further ones for single queues, between commas: name=engine:model (docs/transcription.md).
    speech_models: Annotated[tuple[str, ...], NoDecode] = ()
    speech_memory_mb: int = Field(default=1000, ge=100)  # of a process's models together; one is always kept
    speech_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")  # up to and with /v1
    speech_key: SecretStr = SecretStr("")
    speech_seconds: float = Field(default=60.0, ge=1, le=600)  # a server that takes longer for thirty is given up
    speech_beam: int = Field(default=5, ge=1, le=10)
    speech_threads: int = Field(default=1, ge=1)
    celery_concurrency: int = Field(default=1, ge=1)

    captions: bool = False  # what is said is written while it is said; takes a core (docs/captions.md)
    captions_calls: int = Field(default=4, ge=1, le=32)  # followed at once by one process; more are not captioned

    # A language model that words a summary beside each note (docs/notes.md): an endpoint like OpenAI's; none: off.
    note_model_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+$")
    note_model: str = Field(default="", max_length=200)
    note_model_key: SecretStr = SecretStr("")
    note_model_seconds: float = Field(default=60.0, ge=1, le=300)

    voice_program: str = "auto"  # ours where the extra `voices` is installed; none; or a command (docs/voices.md)
    voice_seconds: float = Field(default=5.0, ge=0.5, le=30)  # a text that is not spoken by then is given up
    voice_cache_mb: int = Field(default=64, ge=1)
    worker_tasks: WorkerTasks = WorkerTasks.ALL

    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.CONSOLE

    @field_validator(
        "state_dir",
        "postgres_dir",
        "content_dir",
        "tls_certificate",
        "tls_key",
        "trunks_file",
        "feeds_client_ca",
        "vault_key_file",
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("hospital_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone of the IANA list; use a name such as Asia/Shanghai")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("postgresql+psycopg://"):
            raise ValueError("must be postgresql+psycopg://user:password@host:5432/database; no other database is used")
        return value

    @field_validator("broker_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("redis://", "rediss://")):
            raise ValueError("must be redis://:password@host:6379/0 or rediss://…; Valkey and Redis are the brokers")
        return value

    @field_validator("speech_models")
    @classmethod
    def _named_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, entry in enumerate(value, start=1):
            if not _SPEECH_MODEL.fullmatch(entry):
                raise ValueError(
                    f"entry {place} is not name=engine:model; write such as small=faster-whisper:/srv/models/small, "
                    f"with one of the engines {', '.join(SpeechEngine)}, between commas"
                )
        return value

    @field_validator(
        "trial_allow_list", "never_dialed", "domestic_hosts", "feeds_peers", "speech_models", mode="before"
    )
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("font_folders", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        given = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)):
            return given
        return tuple(Path(each).expanduser().absolute() for each in given)

    @field_validator("report_keys")
    @classmethod
    def _long_keys(cls, value: SecretStr) -> SecretStr:
        for place, key in enumerate(value.get_secret_value().split(","), start=1):
            if value.get_secret_value() and len(key.strip()) < SHORTEST_KEY:
                raise ValueError(
                    f"key {place} is shorter than {SHORTEST_KEY} characters; make one: openssl rand -base64 32"
                )
        return value

    @field_validator("trial_allow_list")
    @classmethod
    def _e164(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, number in enumerate(value, start=1):
            try:
                parsed = phonenumbers.parse(number, None)
            except phonenumbers.NumberParseException:
                parsed = None
            if parsed is None or phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
                raise ValueError(f"entry {place} is not an E.164 number; write each as +8613800000000, between commas")
        return value

    @field_validator("never_dialed")
    @classmethod
    def _number_beginnings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, beginning in enumerate(value, start=1):
            if not re.fullmatch(r"\+[1-9]\d{3,14}", beginning):
                raise ValueError(
                    f"entry {place} is not how an E.164 number begins; write + and at least four digits, such as "
                    "+86595888, between commas"
                )
        return value

    @field_validator("domestic_hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, host in enumerate(value, start=1):
            if not re.fullmatch(r"[0-9A-Za-z.:-]{1,253}", host):
                raise ValueError(f"entry {place} is not a host; write names or addresses alone, between commas")
        return value

    @field_validator("feeds_peers")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place, peer in enumerate(value, start=1):
            try:
                ipaddress.ip_network(peer, strict=False)
            except ValueError:
                raise ValueError(
                    f"entry {place} is no address or network; write 10.1.2.3 or 10.1.2.0/24, between commas"
                ) from None
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("SUIFANG_TLS_CERTIFICATE and SUIFANG_TLS_KEY belong together: set both or neither")
        if self.feeds_port is not None and not self.feeds_peers and not is_loopback(self.feeds_host):
            raise ValueError(
                "SUIFANG_FEEDS_PEERS is empty while SUIFANG_FEEDS_HOST is not loopback: name the addresses of the "
                "hospital's systems, whoever else reaches the port could bring patients in"
            )
        if self.feeds_tls and self.tls_certificate is None:
            raise ValueError("SUIFANG_FEEDS_TLS needs SUIFANG_TLS_CERTIFICATE and SUIFANG_TLS_KEY: set both")
        if self.feeds_client_ca is not None and not self.feeds_tls:
            raise ValueError("SUIFANG_FEEDS_CLIENT_CA works with SUIFANG_FEEDS_TLS=true only: set it, or neither")
        for service, name, secret in (
            ("S3", self.s3_access_key, self.s3_secret_key),
            ("KMS", self.kms_access_key, self.kms_secret_key),
        ):
            if bool(name) != bool(secret.get_secret_value()):
                raise ValueError(
                    f"SUIFANG_{service}_ACCESS_KEY and SUIFANG_{service}_SECRET_KEY belong together: set both or none"
                )
        if self.s3_endpoint is not None and not self.recordings_url:
            raise ValueError("SUIFANG_S3_ENDPOINT works with SUIFANG_RECORDINGS_URL=s3://… only: set it, or neither")
        span = self.copy_span
        if span is not None and span[0] >= span[1]:
            raise ValueError("SUIFANG_COPY_HOURS must end after it begins, on one day: 01:00-05:00")
        if self.trunks_file is not None and self.trunk_host is not None:
            raise ValueError("SUIFANG_TRUNKS_FILE and SUIFANG_TRUNK_HOST both name trunks: set one of them")
        if self.speech_url is None and any(
            chosen.engine is SpeechEngine.ENDPOINT for chosen in (self.speech_model_named(None), *self.queue_models)
        ):
            raise ValueError("the speech engine endpoint needs SUIFANG_SPEECH_URL: the server's address, with /v1")
        if (self.note_model_url is None) != (not self.note_model):
            raise ValueError("SUIFANG_NOTE_MODEL_URL and SUIFANG_NOTE_MODEL belong together: set both or neither")
        if self.silent_end_seconds < self.silent_seconds + 5:
            raise ValueError(
                "SUIFANG_SILENT_END_SECONDS must be at least 5 more than SUIFANG_SILENT_SECONDS: a silence is told of "
                "before it ends the line"
            )
        if self.workers_warm > self.workers_max:
            raise ValueError(
                "SUIFANG_WORKERS_WARM is more than SUIFANG_WORKERS_MAX: lower the first or raise the second"
            )
        if self.rtp_port_base + self.workers_max * PORTS_PER_WORKER > 65536:
            raise ValueError(
                f"SUIFANG_RTP_PORT_BASE leaves no room for {PORTS_PER_WORKER} ports for each of {self.workers_max} "
                "workers: lower it"
            )
        sip, rtp = self.sip_ports, self.rtp_ports
        if min(sip.start, rtp.start) < LOWEST_PORT:
            raise ValueError(
                f"SUIFANG_FRONT_WORKERS={self.front_workers} leads below port {LOWEST_PORT}: lower it, or raise "
                "SUIFANG_SIP_PORT_BASE or SUIFANG_RTP_PORT_BASE"
            )
        if sip.start < rtp.stop and rtp.start < sip.stop:
            raise ValueError(
                "SUIFANG_SIP_PORT_BASE and SUIFANG_RTP_PORT_BASE give overlapping port ranges: move one of them"
            )
        if self.headset_port in sip or self.headset_port in rtp:
            raise ValueError("SUIFANG_HEADSET_PORT lies in the call workers' SIP or RTP ports: move it")
        if (self.turn_url is None) != (not self.turn_secret.get_secret_value()):
            raise ValueError("SUIFANG_TURN_URL and SUIFANG_TURN_SECRET belong together: set both or neither")
        if self.turn_only and self.turn_url is None:
            raise ValueError("SUIFANG_TURN_ONLY needs a relay: set SUIFANG_TURN_URL and SUIFANG_TURN_SECRET")
        if self.postgres_dir.is_relative_to(self.state_dir):
            raise ValueError(
                "SUIFANG_POSTGRES_DIR lies inside SUIFANG_STATE_DIR, which stays closed to the database's user: "
                "choose a folder beside it"
            )
        return self

    @property
    def fronts(self) -> int:
        """How many call workers take calls from outside."""
        return self.front_workers if self.take_calls else 0

    @property
    def sip_ports(self) -> range:
        """One for each call worker; those of the front workers lie below the others'."""
        return range(self.sip_port_base - self.fronts, self.sip_port_base + self.workers_max)

    @property
    def rtp_ports(self) -> range:
        """A block for each call worker, in the same order."""
        first = self.rtp_port_base - self.fronts * PORTS_PER_WORKER
        return range(first, self.rtp_port_base + self.workers_max * PORTS_PER_WORKER)

    @property
    def zone(self) -> ZoneInfo:
        """The hospital's time zone."""
        return ZoneInfo(self.hospital_zone)

    @property
    def run_dir(self) -> Path:
        """Sockets, pid and lock files."""
        return self.state_dir / "run"

    @property
    def spool_dir(self) -> Path:
        """Recordings being made, a folder for each call."""
        return self.state_dir / "spool"

    @property
    def copy_span(self) -> tuple[time, time] | None:
        """The local hours in which smaller copies of recordings are made; None: never."""
        if not self.copy_hours:
            return None
        first, last = self.copy_hours.split("-")
        return time.fromisoformat(first), time.fromisoformat(last)

    @property
    def store_dir(self) -> Path:
        """Finished recordings."""
        return self.state_dir / "store"

    @property
    def vault_key_path(self) -> Path:
        """The file of keys that wrap those of recordings."""
        return self.vault_key_file or self.keys_dir / "vault.json"

    @property
    def keys_dir(self) -> Path:
        """Passwords and keys that this installation made for itself."""
        return self.state_dir / "keys"

    @property
    def telephony_dir(self) -> Path:
        """Call workers' configurations, journals and leases."""
        return self.state_dir / "telephony"

    @property
    def logs_dir(self) -> Path:
        """Log files of supervised processes."""
        return self.state_dir / "logs"

    def speech_model_named(self, name: str | None) -> SpeechModel:
        """A queue's speech model, or the installation's own for no name or one that is not set."""
        own = SpeechModel(name=OWN_MODEL, engine=self.speech_engine, model=self.speech_model)
        return next((chosen for chosen in self.queue_models if chosen.name == name), own)

    @property
    def local_speech_model(self) -> str | None:
        """The model on this machine: what a server calls its own names nothing here."""
        return None if self.speech_engine is SpeechEngine.ENDPOINT else self.speech_model

    @property
    def queue_models(self) -> tuple[SpeechModel, ...]:
        """The speech models that queues can be given."""
        parts = (_SPEECH_MODEL.fullmatch(entry) for entry in self.speech_models)
        return tuple(
            SpeechModel(name=part[1], engine=SpeechEngine(part[2]), model=part[3]) for part in parts if part is not None
        )

    @property
    def models_dir(self) -> Path:
        """Speech models."""
        return self.state_dir / "models"

    @property
    def voice_dir(self) -> Path:
        """Texts spoken lately; they may hold names."""
        return self.state_dir / "voice"

    @property
    def messages_dir(self) -> Path:
        """Messages that would have gone out, kept by the local channel; they hold telephone numbers."""
        return self.state_dir / "messages"

    @property
    def backups_dir(self) -> Path:
        """Backups made without another target."""
        return self.state_dir / "backups"


def load_settings() -> Settings:
    """The settings of this environment, or SettingsError with every fault in words."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [fault for fault in error.errors(include_url=False) if fault["type"] != "default_factory_not_called"]
        raise SettingsError("\n".join(_in_words(fault) for fault in faults)) from None


def private_folder(path: Path) -> Path:
    """`path` as an existing folder that only its owner may enter."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if stat.S_IMODE(path.stat().st_mode) != 0o700:
        path.chmod(0o700)
    return path


def _in_words(fault: Any) -> str:
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return reason
    variable = PREFIX + str(fault["loc"][0]).upper()
    if fault["type"] == "value_error":
        return f"{variable} {reason}"
    return f"{variable}: {reason} (set it to an allowed value, or unset it for the default)"
