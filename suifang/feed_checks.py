"""Do the hospital's systems reach us: where feeds are heard, what waits to be applied, what was set aside."""

import socket
from datetime import timedelta

from db.unit_of_work import UnitsOfWork
from followup.feeds import ConsequenceState, FeedState
from runtime.settings import Settings
from suifang.findings import Finding, good, note, wrong

_LATE = timedelta(minutes=1)
_CONNECT_SECONDS = 2.0


def check_feeds(settings: Settings, units: UnitsOfWork) -> list[Finding]:
    """The port, what waits, what is parked, what plans still owe."""
    with units() as uow:
        senders = uow.feeds.senders()
        parked = uow.feeds.count(FeedState.PARKED)
        oldest = uow.feeds.oldest_waiting()
        refused = uow.feeds.count_consequences(ConsequenceState.REFUSED)
        now = uow.now
    found = [_listening(settings, has_senders=bool(senders))]
    if oldest is not None and now - oldest > _LATE:
        minutes = int((now - oldest).total_seconds() // 60)
        found.append(
            wrong("feed messages", f"the oldest has waited for {minutes} min to be applied", "start `suifang feeds`")
        )
    if parked:
        found.append(
            note(
                "feed messages",
                f"{parked} are parked: they could not be applied",
                "GET /api/v1/feeds/messages?state=parked says why of each; mend it and let them be tried again",
            )
        )
    if refused:
        found.append(
            note(
                "plans from feeds",
                f"{refused} that the hospital's messages ask for were refused",
                "GET /api/v1/feeds/refusals says why; start these plans by hand",
            )
        )
    if len(found) == 1 and senders:
        found.append(good("feed messages", f"all applied, of {len(senders)} senders"))
    return found


def _listening(settings: Settings, *, has_senders: bool) -> Finding:
    if settings.feeds_port is None:
        told = "SUIFANG_FEEDS_PORT is not set: no HL7 message is heard"
        return (
            note("feeds", told, "set it (2575 is HL7's own port), or bring lists in")
            if has_senders
            else good("feeds", told)
        )
    seen = f"{settings.feeds_host} port {settings.feeds_port}" + (", TLS" if settings.feeds_tls else "")
    host = "127.0.0.1" if settings.feeds_host in {"0.0.0.0", "::"} else settings.feeds_host  # noqa: S104 compared only
    try:
        with socket.create_connection((host, settings.feeds_port), timeout=_CONNECT_SECONDS):
            pass
    except OSError as error:
        return wrong("feeds", f"nobody listens on {seen} ({error.strerror or error})", "start `suifang feeds`")
    if not settings.feeds_tls and settings.feeds_peers:
        return note("feeds", f"{seen}: in the clear", "set SUIFANG_FEEDS_TLS, or keep to a network of its own")
    return good("feeds", f"heard on {seen}")
