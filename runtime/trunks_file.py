"""The trunks file: every line to a carrier or PBX, in YAML, each fault told with its line, its field and the mend."""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from runtime.settings import Settings, SettingsError
from runtime.this_machine import is_loopback

TLS_PAGE = "docs/edge.md"


class TrunksFileError(SettingsError):
    """The trunks file cannot be used; one line for each fault."""


class Purpose(StrEnum):
    """Whom a trunk rings."""

    PATIENTS = "patients"
    HEADSETS = "headsets"
    TRANSFERS = "transfers"


def _off_is_a_word(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads off as false


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Digits = Annotated[str, BeforeValidator(_text), Field(pattern=r"^\d{0,12}$")]
Number = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[0-9A-Za-z+*#._-]{1,32}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DialRulesEntry(_Strict):
    """How numbers are written on the trunk."""

    format: Literal["e164", "digits", "national"] = "e164"
    region: str = Field(default="CN", pattern=r"^[A-Z]{2}$")
    international_prefix: Digits = "00"
    outside_line: Digits = ""
    out_of_town_prefix: Digits = ""
    home_mobile_ranges: tuple[Digits, ...] = ()
    home_mobile_ranges_file: Path | None = None
    home_area_code: Annotated[str, BeforeValidator(_text), Field(pattern=r"^(0\d{2,3})?$")] = ""

    @model_validator(mode="after")
    def _fit_together(self) -> "DialRulesEntry":
        if self.format == "e164" and (self.outside_line or self.out_of_town_prefix or self.home_area_code):
            raise ValueError("nothing can be put before a number that begins with +: set format to national or digits")
        if self.format == "digits" and (self.out_of_town_prefix or self.home_area_code):
            raise ValueError("out_of_town_prefix and home_area_code belong to national numbers: set format to national")
        if self.home_mobile_ranges and self.home_mobile_ranges_file:
            raise ValueError("give home_mobile_ranges or home_mobile_ranges_file, not both")
        if self.out_of_town_prefix and not (self.home_mobile_ranges or self.home_mobile_ranges_file):
            raise ValueError(
                "out_of_town_prefix needs to know the home town's mobiles: list how they begin (such as 1390010) in "
                "home_mobile_ranges, or one a line in the file named by home_mobile_ranges_file"
            )
        if any(len(start) < 3 for start in self.home_mobile_ranges):
            raise ValueError("each of home_mobile_ranges has at least three digits, usually seven")
        return self


class CallerIdsEntry(_Strict):
    """Which number the patient sees: the queue's before the department's before the default."""

    default: Number | None = None
    queues: dict[str, Number] = Field(default_factory=dict)
    departments: dict[str, Number] = Field(default_factory=dict)


class TrunkEntry(_Strict):
    """One trunk."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")
    host: str = Field(pattern=r"^[0-9A-Za-z.-]{1,253}$")
    port: int = Field(default=0, ge=0, le=65535)  # 0: 5060, or 5061 for TLS
    transport: Literal["udp", "tcp", "tls"] = "udp"
    ca_file: Path | None = None
    internet: bool | None = None
    srtp: Annotated[Literal["off", "optional", "required"], BeforeValidator(_off_is_a_word)] = "off"
    codecs: tuple[Literal["PCMA", "PCMU"], ...] = Field(default=("PCMA", "PCMU"), min_length=1)
    channels: int | None = Field(default=None, ge=1)
    calls_per_second: float = Field(default=5.0, gt=0, le=100)
    username: str = ""
    password: SecretStr = SecretStr("")
    password_env: str = ""
    password_file: Path | None = None
    realm: str = "*"
    outbound_proxy: str = Field(default="", pattern=r"^[0-9A-Za-z.:-]*$")
    session_timer_seconds: int = Field(default=90, ge=0, le=7200)
    asserted_identity: Annotated[str, BeforeValidator(_text)] = ""
    tel_uri: bool = False
    ping_seconds: int = Field(default=30, ge=0, le=3600)  # 0: never asked
    cost: float = Field(default=0.0, ge=0)
    failover_statuses: tuple[int, ...] = (500, 502, 503)
    caller_ids: CallerIdsEntry = CallerIdsEntry()
    dial_rules: DialRulesEntry = DialRulesEntry()
    purposes: tuple[Purpose, ...] = Field(default=tuple(Purpose), min_length=1)
    register_number: bool = Field(default=False, alias="register")
    loopback_only: bool = False
    domestic: bool = False  # the carrier and its hosts are in the country

    @model_validator(mode="after")
    def _fit_together(self) -> "TrunkEntry":
        if sum((bool(self.password.get_secret_value()), bool(self.password_env), self.password_file is not None)) > 1:
            raise ValueError("give the password once: password_env, password_file or password")
        if self.register_number and not self.username:
            raise ValueError("register needs a username and its password")
        if self.session_timer_seconds and self.session_timer_seconds < 90:
            raise ValueError("session_timer_seconds is 0 (none) or at least 90 (RFC 4028)")
        if self.tel_uri and self.dial_rules.format != "e164":
            raise ValueError("tel_uri needs numbers that begin with +: set dial_rules format to e164, or leave tel_uri")
        never = sorted(set(self.failover_statuses) & FAILOVER_NEVER)
        if never:
            raise ValueError(
                f"failover_statuses must not have {', '.join(map(str, never))}: after these a phone may have rung, or "
                "the fault is ours"
            )
        if any(not 400 <= status <= 699 for status in self.failover_statuses):
            raise ValueError("failover_statuses are SIP statuses from 400 to 699, such as 503")
        if self.transport == "tls" and self.ca_file is None:
            raise ValueError("tls needs ca_file: the PEM file of the authority that signed the trunk's certificate")
        if self.transport == "tls" and self.internet is None and not _is_address(self.host):
            raise ValueError("say internet: true or false, for a name does not tell whether TLS leaves the house")
        if self.loopback_only and not is_loopback(self.host):
            raise ValueError("loopback_only trunks have an address that begins with 127")
        return self

    @property
    def reaches_internet(self) -> bool:
        """Whether the trunk's signalling passes networks that are not the hospital's or carrier's own."""
        if self.internet is not None:
            return self.internet
        return _is_address(self.host) and ip_address(self.host).is_global

    @property
    def signalling_port(self) -> int:
        """Its port, or the usual one of its transport."""
        return self.port or (5061 if self.transport == "tls" else 5060)


class _File(_Strict):
    trunks: tuple[TrunkEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fit_together(self) -> "_File":
        names = [trunk.name for trunk in self.trunks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"trunks share the name {', '.join(twice)}: calls are told apart by it")
        for purpose in (Purpose.PATIENTS, Purpose.HEADSETS):
            if not any(purpose in trunk.purposes for trunk in self.trunks):
                raise ValueError(f"no trunk has the purpose {purpose}: give it to one")
        return self


# As telephony.failover.NEVER; a test compares them, for runtime may not import it.
FAILOVER_NEVER = frozenset({401, 407, 408, 480, 486, 487, 504, 600, 603, 607})


class _AsWritten(yaml.SafeLoader):
    """YAML in which +8610… keeps its plus and 010… its zero: YAML 1.1 reads both as numbers, the second as octal."""


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:int"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_AsWritten.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(?:0|[1-9][0-9]*)$"), list("0123456789"))


def read_trunks_file(file: Path, environment: Mapping[str, str] = os.environ) -> tuple[TrunkEntry, ...]:
    """The trunks in `file`, each with its password; TrunksFileError says every fault."""
    entries, tree = _read(file)
    faults = []
    finished = []
    for place, entry in enumerate(entries):
        try:
            finished.append(_finished(entry, file, environment))
        except ValueError as error:
            faults.append(f"{file}, line {_line(tree, ('trunks', place))}: trunk {entry.name}: {error}")
    if faults:
        raise TrunksFileError("\n".join(faults))
    return tuple(finished)


def trunk_entries(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[TrunkEntry, ...]:
    """The trunks of this installation, ready to be dialed."""
    if settings.trunks_file is not None:
        return read_trunks_file(settings.trunks_file, environment)
    return declared_trunks(settings)


def declared_trunks(settings: Settings) -> tuple[TrunkEntry, ...]:
    """The trunks of this installation: those of SUIFANG_TRUNKS_FILE, the single one of SUIFANG_TRUNK_*, or none.

    Passwords and lists that stand elsewhere are left there: most processes only want to know where trunks lead.
    """
    if settings.trunks_file is not None:
        return _read(settings.trunks_file)[0]
    if settings.trunk_host is None:
        return ()
    return (
        TrunkEntry(
            name="trunk",
            host=settings.trunk_host,
            port=settings.trunk_port,
            username=settings.trunk_username,
            password=settings.trunk_password,
            outbound_proxy=settings.outbound_proxy.removeprefix("sip:").removesuffix(";lr"),
            caller_ids=CallerIdsEntry(default=settings.trunk_caller_id or None),
            calls_per_second=100,  # the call workers' own pace holds; a carrier's is said in the trunks file
            ping_seconds=0,  # who has but one trunk gains nothing by leaving it aside
        ),
    )


def _read(file: Path) -> tuple[tuple[TrunkEntry, ...], yaml.Node | None]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise TrunksFileError(f"{file}: {error}; correct SUIFANG_TRUNKS_FILE") from error
    try:
        loaded = yaml.load(text, Loader=_AsWritten)  # noqa: S506 (a safe loader that reads fewer things as numbers)
        tree = yaml.compose(text, Loader=_AsWritten)
    except yaml.YAMLError as error:
        raise TrunksFileError(f"{file}: not YAML: {error}") from error
    try:
        return _File.model_validate(loaded).trunks, tree
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # An entry with a fault is left out of the list, which is no fault of its length.
        told = [
            fault for fault in found if len(found) == 1 or (fault["type"], fault["loc"]) != ("too_short", ("trunks",))
        ]
        raise TrunksFileError("\n".join(_in_words(file, tree, fault) for fault in told)) from None


def stays_on_this_machine(entries: Sequence[TrunkEntry]) -> bool:
    """Whether no trunk for patients leads anywhere else; true without any, for then this machine itself is dialed."""
    return all(is_loopback(entry.host) for entry in entries if Purpose.PATIENTS in entry.purposes)


def refused_tls(entries: Sequence[TrunkEntry]) -> list[str]:
    """Why TLS trunks may not be used as they are: the library's own TLS is too old to face the internet."""
    return [
        f"trunk {entry.name} would speak TLS with {entry.host} over the internet, and the SIP library's own TLS is "
        f"OpenSSL 1.0.2k (2017, TLS 1.2 at most): let kamailio be the TLS edge ({TLS_PAGE}), or set "
        "SUIFANG_OLD_TLS_TO_INTERNET=true and bear it"
        for entry in entries
        if entry.transport == "tls" and entry.reaches_internet
    ]


def _finished(entry: TrunkEntry, file: Path, environment: Mapping[str, str]) -> TrunkEntry:
    changes: dict[str, Any] = {}
    if entry.password.get_secret_value() and _open_to_others(file):
        raise ValueError(
            f"its password stands in a file that others may read: chmod 600 {file}, or use password_file or "
            "password_env"
        )
    if entry.password_env:
        if not environment.get(entry.password_env):
            raise ValueError(f"password_env: the variable {entry.password_env} is not set; set it, or correct the name")
        changes["password"] = SecretStr(environment[entry.password_env])
    if entry.password_file is not None:
        secret = _beside(file, entry.password_file)
        changes["password"] = SecretStr(_secret(secret))
    if entry.ca_file is not None:
        changes["ca_file"] = _beside(file, entry.ca_file)
        if not changes["ca_file"].is_file():
            raise ValueError(f"ca_file: {changes['ca_file']} is no file; put the authority's PEM certificate there")
    ranges = entry.dial_rules.home_mobile_ranges_file
    if ranges is not None:
        listed = _ranges(_beside(file, ranges))
        rules = entry.dial_rules.model_copy(update={"home_mobile_ranges": listed, "home_mobile_ranges_file": None})
        changes["dial_rules"] = rules
    return entry.model_copy(update=changes)


def _secret(file: Path) -> str:
    if not file.is_file():
        raise ValueError(f"password_file: {file} is no file; write the password there, chmod 600")
    if _open_to_others(file):
        raise ValueError(f"password_file: others may read {file}; chmod 600 {file}")
    secret = file.read_text().strip()
    if not secret:
        raise ValueError(f"password_file: {file} is empty; write the password there")
    return secret


def _ranges(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        raise ValueError(f"home_mobile_ranges_file: {file} is no file; list there how the town's mobiles begin")
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    for number, line in enumerate(lines, start=1):
        if line and not (line.isdigit() and 3 <= len(line) <= 11):
            raise ValueError(f"home_mobile_ranges_file: {file}, line {number}: three to eleven digits, such as 1390010")
    return tuple(line for line in lines if line)


def _beside(file: Path, named: Path) -> Path:
    return (file.parent / named.expanduser()).absolute()


def _open_to_others(file: Path) -> bool:
    return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _in_words(file: Path, tree: yaml.Node | None, fault: Any) -> str:
    place = tuple(fault["loc"])
    reason = str(fault["msg"]).removeprefix("Value error, ")
    named = ".".join(str(part) if isinstance(part, str) else f"{part + 1}" for part in place)
    mend = "" if fault["type"] == "value_error" else f" ({_MENDS.get(fault['type'], 'see docs/trunks.md')})"
    return f"{file}, line {_line(tree, place)}: {named or 'the file'}: {reason}{mend}"


_MENDS = {
    "missing": "add it",
    "extra_forbidden": "no such field; docs/trunks.md names all, correct or remove it",
    "literal_error": "use one of these",
}


def _line(tree: yaml.Node | None, place: Sequence[str | int]) -> int:
    """The line of the deepest part of `place` that stands in the file."""
    node, line = tree, 1 if tree is None else tree.start_mark.line + 1
    for part in place:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    found, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line
