"""Are the trunks fit: what their file says, whether those on this machine answer, what their encryption is worth."""

from datetime import timedelta

from runtime import clock
from runtime.settings import Settings, SettingsError
from runtime.this_machine import is_loopback
from runtime.trunks_file import TrunkEntry, refused_tls, trunk_entries
from suifang.findings import Finding, good, note, wrong
from suifang.registration_check import check_registrations
from telephony.trunk_ping import look_at
from telephony.trunks import terms_of


def check_trunks(settings: Settings, within: timedelta = timedelta(seconds=3)) -> list[Finding]:
    """A trunk on this machine is asked; one elsewhere is left alone, a carrier may dislike strange requests."""
    try:
        entries = trunk_entries(settings)
    except SettingsError as error:
        return [
            wrong("trunks", fault, "correct the file; docs/trunks.md names every field")
            for fault in str(error).splitlines()
        ]
    if not entries:
        return [
            note(
                "trunk",
                "none is set: nobody can be called",
                "set SUIFANG_TRUNK_HOST to the carrier's or PBX's address, or SUIFANG_TRUNKS_FILE",
            )
        ]
    return [
        *(_reached(settings, entry, within) for entry in entries),
        *check_registrations(settings, entries, clock.now()),
        *_encryption(settings, entries),
    ]


def _reached(settings: Settings, entry: TrunkEntry, within: timedelta) -> Finding:
    subject = "trunk" if settings.trunks_file is None else f"trunk {entry.name}"
    named = f"{entry.host}:{entry.signalling_port}"
    if not is_loopback(entry.host):
        if is_loopback(settings.sip_host):
            return wrong(
                subject,
                f"{named} is elsewhere, but calls leave from {settings.sip_host}: no answer finds its way back",
                "set SUIFANG_SIP_HOST to this machine's address in the trunk's network",
            )
        return note(subject, f"{named} is elsewhere and was not asked")
    answer = look_at(terms_of(entry, loopback_only=True).trunk, within)
    if not answer.up:
        mend = (
            "start the PBX, or correct SUIFANG_TRUNK_HOST and SUIFANG_TRUNK_PORT"
            if settings.trunks_file is None
            else f"start it, or correct host and port in {settings.trunks_file}"
        )
        return wrong(subject, f"{named}: {answer.said}" if named not in answer.said else answer.said, mend)
    return good(subject, f"{named} answers {answer.said}")


def _encryption(settings: Settings, entries: tuple[TrunkEntry, ...]) -> list[Finding]:
    found = []
    for entry in entries:
        if entry.transport == "tls" and not entry.reaches_internet:
            found.append(
                note(
                    f"trunk {entry.name}",
                    "TLS by the SIP library's own OpenSSL 1.0.2k (2017, TLS 1.2 at most)",
                    "right inside the house; towards the internet use the TLS edge (docs/edge.md)",
                )
            )
        if (
            entry.srtp != "off"
            and entry.transport != "tls"
            and not (entry.outbound_proxy and is_loopback(entry.outbound_proxy.partition(":")[0]))
        ):
            found.append(
                note(
                    f"trunk {entry.name}",
                    f"its sound is encrypted, but the keys travel readable over {entry.transport.upper()} (SDES)",
                    "set transport: tls, or reach it by the TLS edge (docs/edge.md)",
                )
            )
    if not settings.old_tls_to_internet:
        found.extend(wrong("trunks", reason, "do as it says") for reason in refused_tls(entries))
    return found
