"""Services that what patients say passes: which stay in the country, and which need a recorded assessment first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from followup.dialing_rules import Profile
from runtime.settings import Settings
from runtime.trunks_file import TrunkEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A service outside our own programs: where it is named, its host, and whether that place says it is domestic."""

    named: str
    host: str
    declared_domestic: bool = False


def refused_endpoints(settings: Settings, trunks: Sequence[TrunkEntry], profile: Profile) -> list[str]:
    """Why these services may not be used under this law, each with its mend; empty with a recorded assessment."""
    if not needs_assessment(settings, profile):
        return []
    return [
        f"{endpoint.named}, host {endpoint.host}, is not declared to be in the country, and the jurisdiction "
        f"{profile.id} lets patients' voices leave it only after an assessment: list the host in "
        "SUIFANG_DOMESTIC_HOSTS if it is domestic, or set SUIFANG_TRANSFER_ASSESSMENT_ID to the number of the recorded "
        "assessment (docs/may-we-call.md)"
        for endpoint in _endpoints(settings, trunks)
        if not _is_domestic(endpoint, settings)
    ]


def needs_assessment(settings: Settings, profile: Profile) -> bool:
    """True if foreign services are refused here: the law asks for an assessment, and none is named."""
    return profile.foreign_endpoints_need_assessment and not settings.transfer_assessment_id


def usable(settings: Settings, trunks: Sequence[TrunkEntry], profile: Profile) -> tuple[TrunkEntry, ...]:
    """The trunks that may be used under this law: what is not among them, no call can fall over to."""
    if not needs_assessment(settings, profile):
        return tuple(trunks)
    return tuple(trunk for trunk in trunks if all(_is_domestic(endpoint, settings) for endpoint in _of_trunk(trunk)))


def _endpoints(settings: Settings, trunks: Sequence[TrunkEntry]) -> Iterator[Endpoint]:
    for trunk in trunks:
        yield from _of_trunk(trunk)
    if settings.note_model_url:
        yield Endpoint(named="SUIFANG_NOTE_MODEL_URL", host=urlsplit(settings.note_model_url).hostname or "")
    if settings.speech_url:
        yield Endpoint(named="SUIFANG_SPEECH_URL", host=urlsplit(settings.speech_url).hostname or "")
    if settings.turn_url:
        yield Endpoint(named="SUIFANG_TURN_URL", host=_host(settings.turn_url.partition(":")[2]))
    if settings.recordings_url:
        amazon = f"https://s3.{settings.s3_region}.amazonaws.com"
        yield Endpoint(named="SUIFANG_S3_ENDPOINT", host=urlsplit(settings.s3_endpoint or amazon).hostname or "")


def _of_trunk(trunk: TrunkEntry) -> Iterator[Endpoint]:
    yield Endpoint(named=f"trunk {trunk.name}", host=trunk.host, declared_domestic=trunk.domestic)
    if trunk.outbound_proxy:
        yield Endpoint(
            named=f"the outbound proxy of trunk {trunk.name}",
            host=_host(trunk.outbound_proxy),
            declared_domestic=trunk.domestic,
        )


def _host(address: str) -> str:
    return urlsplit(f"//{address}").hostname or address


def _is_domestic(endpoint: Endpoint, settings: Settings) -> bool:
    """Declared so, or an address of this machine or of the hospital's own network."""
    if endpoint.declared_domestic or endpoint.host.lower() in {host.lower() for host in settings.domestic_hosts}:
        return True
    try:
        return not ip_address(endpoint.host.strip("[]")).is_global
    except ValueError:
        return endpoint.host.lower() == "localhost"
