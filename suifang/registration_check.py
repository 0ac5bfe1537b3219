"""How our numbers stand with the carriers that want them registered: what the front worker wrote down last."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from runtime.settings import Settings
from runtime.trunks_file import TrunkEntry
from suifang.findings import Finding, good, wrong

FOLDER = "registrations"
WORDS = {401: "the password was not taken", 403: "the carrier refuses", 407: "the password was not taken"}


def check_registrations(settings: Settings, entries: tuple[TrunkEntry, ...], now: datetime) -> list[Finding]:
    """One finding for each trunk that is to be registered."""
    return [_standing(settings, entry, now) for entry in entries if entry.register_number]


def _standing(settings: Settings, entry: TrunkEntry, now: datetime) -> Finding:
    subject = f"registration of {entry.name}"
    if not settings.take_calls:
        return wrong(
            subject,
            "nobody here takes calls, so nobody registers",
            "set SUIFANG_TAKE_CALLS=true, or leave out register",
        )
    file: Path = settings.telephony_dir / FOLDER / f"{entry.name}.json"
    if not file.exists():
        return wrong(subject, "was never asked for", "start the telephony node: suifang telephony, or suifang up")
    told = json.loads(file.read_text())
    at = datetime.fromisoformat(told["at"])
    if told["standing"] == "registered" and now < at + timedelta(seconds=told["seconds"]):
        return good(subject, f"registered until {at + timedelta(seconds=told['seconds']):%H:%M:%S} UTC")
    if told["standing"] == "registration_refused":
        why = WORDS.get(told["sip_status"], "no answer" if told["sip_status"] == 408 else "refused")
        return wrong(
            subject, f"{why} (SIP {told['sip_status']})", "check username, password, host and port of the trunk"
        )
    return wrong(subject, "is not registered now", "start the telephony node: suifang telephony, or suifang up")
