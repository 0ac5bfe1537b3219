"""What each mode forbids: asked once before any process works, so that a toy never calls a patient."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from followup.dialing_rules import Mode, Profile
from runtime.foreign_endpoints import refused_endpoints
from runtime.settings import Jurisdiction, Settings, SettingsError
from runtime.this_machine import is_loopback
from runtime.trunks_file import Purpose, TrunkEntry, declared_trunks, refused_tls


def refusals(
    settings: Settings, *, demo_users: int = 0, draft_contents: int = 0, profile: Profile | None = None
) -> list[str]:
    """Why this installation may not start in its mode and under its law, each with its mend; empty when it may."""
    try:
        trunks = declared_trunks(settings)
    except SettingsError as error:
        return str(error).splitlines()
    always = refused_endpoints(settings, trunks, profile) if profile else []
    if not settings.old_tls_to_internet:
        always += refused_tls(trunks)
    if settings.mode is Mode.PRODUCTION:
        return [*_in_production(settings, trunks, demo_users, draft_contents), *always]
    if settings.mode is Mode.TRIAL:
        return [*_in_trial(settings, trunks), *always]
    return [*_in_demo(settings, trunks), *always]


def _place(settings: Settings, trunk: TrunkEntry) -> str:
    return f"trunk {trunk.name}, host {trunk.host}," if settings.trunks_file else f"SUIFANG_TRUNK_HOST={trunk.host}"


def _in_production(settings: Settings, trunks: Sequence[TrunkEntry], demo_users: int, draft_contents: int) -> list[str]:
    found = []
    public = urlsplit(settings.public_url)
    if settings.tls_certificate is None and not is_loopback(settings.api_host):
        found.append(
            f"SUIFANG_API_HOST={settings.api_host} would serve patients' records unencrypted: run `suifang tls` and "
            "set SUIFANG_TLS_CERTIFICATE and SUIFANG_TLS_KEY, or listen on 127.0.0.1 behind the hospital's TLS proxy"
        )
    if public.scheme == "http" and not is_loopback(public.hostname or ""):
        found.append(
            f"SUIFANG_PUBLIC_URL={settings.public_url} is plain HTTP: set the https address that browsers open"
        )
    if settings.jurisdiction is Jurisdiction.DEMO:
        found.append("SUIFANG_JURISDICTION=demo calls at any hour: set the jurisdiction that the patients live in")
    if not trunks:
        found.append("SUIFANG_TRUNK_HOST is not set: set the carrier's or PBX's address, or use SUIFANG_MODE=trial")
    found.extend(
        f"{_place(settings, trunk)} is this machine: set the carrier's or PBX's address"
        for trunk in trunks
        if is_loopback(trunk.host) and Purpose.PATIENTS in trunk.purposes
    )
    if demo_users:
        found.append(
            f"{demo_users} demo users with a published password are in the database: disable them in the console's "
            "user list or start with an empty database"
        )
    if draft_contents:
        found.append(
            f"{draft_contents} clinical contents are drafts: a clinician reads them and sets their status to active, "
            "or they are removed from SUIFANG_CONTENT_DIR"
        )
    return found


def _in_trial(settings: Settings, trunks: Sequence[TrunkEntry]) -> list[str]:
    if all(is_loopback(trunk.host) for trunk in trunks):
        return []
    found = []
    if not settings.trial_allow_list:
        found.append(
            "SUIFANG_TRIAL_ALLOW_LIST is empty: list the numbers of the colleagues who agreed to be called, as "
            "+8613800000000 between commas; a trial dials no others"
        )
    if settings.jurisdiction is Jurisdiction.DEMO:
        found.append("SUIFANG_JURISDICTION=demo calls at any hour: over a real trunk set the true jurisdiction")
    return found


def _in_demo(settings: Settings, trunks: Sequence[TrunkEntry]) -> list[str]:
    return [
        f"{_place(settings, trunk)} is not this machine: the demo calls only its own simulated "
        "patients. Unset it, or use SUIFANG_MODE=trial"
        for trunk in trunks
        if not is_loopback(trunk.host)
    ]
