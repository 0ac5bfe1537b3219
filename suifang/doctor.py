"""What is wrong with an installation and how to mend it, in words; each check looks at one thing, changing nothing."""

import difflib
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import psycopg
import redis

from db.engine import make_engine
from db.migrate import pending
from db.unit_of_work import UnitsOfWork
from runtime import clock
from runtime.content.documents import ContentError
from runtime.content.library import Content
from runtime.embedded import EngineError, engine_urls
from runtime.mode_rules import refusals
from runtime.postgres_server import libpq_url
from runtime.settings import PREFIX, Settings
from suifang.feed_checks import check_feeds
from suifang.findings import Finding, good, note, wrong
from suifang.flow_command import FlowDesk, faults_of
from suifang.follow_up_checks import check_follow_up, check_hospital
from suifang.keeping_checks import check_keeping
from suifang.live_voice import check_voice
from suifang.machine_checks import (
    check_captions,
    check_console,
    check_disk,
    check_platform,
    check_ports,
    check_sip_library,
    check_speech,
    check_state_dir,
    check_tls,
)
from suifang.report_checks import check_reports
from suifang.trunk_checks import check_trunks
from suifang.vault_checks import check_store, check_vault
from transcription.answer_phrases import load_answer_phrases
from transcription.free_summary import load_summary_instructions
from transcription.note_words import load_note_words
from transcription.question_phrases import load_question_phrases
from transcription.red_flags import load_red_flags

# Read by other programs of this repository than the processes that the settings are for.
_OTHER_VARIABLES = frozenset({"SUIFANG_SPEECH_DIR", "SUIFANG_TEST_SEED", "SUIFANG_SOAK_MINUTES"})
_OLDEST_POSTGRES = 150000
_CLOCK_LIMIT = timedelta(seconds=2)
_CALENDAR_AHEAD = timedelta(days=365)


def examine(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Every check, in the order in which one would mend."""
    return [
        *check_variables(environment),
        check_platform(platform.system(), platform.machine(), platform.libc_ver()),
        check_state_dir(settings),
        check_disk("disk of recordings", settings.state_dir),
        *([] if settings.database_url else [check_disk("disk of the database", settings.postgres_dir)]),
        *check_engines(settings),
        check_store(settings),
        check_content(settings),
        *check_flows(settings),
        *check_hospital(settings),
        check_speech(settings),
        check_captions(settings, len(os.sched_getaffinity(0))),
        check_voice(settings),
        check_sip_library(),
        *check_ports(settings),
        *check_trunks(settings),
        check_console(settings),
        check_reports(settings),
        check_tls(settings, clock.now()),
    ]


def examine_running(settings: Settings) -> list[Finding]:
    """What can be looked at beside running processes: they hold the ports, and their nodes watch the trunks."""
    return [
        check_state_dir(settings),
        check_disk("disk of recordings", settings.state_dir),
        *([] if settings.database_url else [check_disk("disk of the database", settings.postgres_dir)]),
        *check_engines(settings),
        check_store(settings),
        check_content(settings),
        *check_hospital(settings),
        check_reports(settings),
        check_tls(settings, clock.now()),
    ]


def check_variables(environment: Mapping[str, str]) -> list[Finding]:
    """A mistyped variable has no effect, and nothing else tells."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _OTHER_VARIABLES
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return [
        wrong("settings", f"{name} is no setting and has no effect", _suggestion(name, known)) for name in unknown
    ] or [good("settings", "every SUIFANG_ variable is known")]


def check_content(settings: Settings) -> Finding:
    """Clinical content is read as a whole, so that a fault in one file is found now and not during a call."""
    try:
        content = Content(settings.content_dir)
        drafts = content.drafts()
        content.read_all()
        load_note_words(settings.content_dir / "note_words" / "words.yaml")
        load_red_flags(settings.content_dir / "red_flags")
        load_answer_phrases(settings.content_dir / "answer_phrases.yaml")
        load_question_phrases(settings.content_dir / "heard_answers.yaml")
        load_summary_instructions(settings.content_dir / "note_summary.yaml")
    except (ContentError, OSError) as error:
        return wrong("content", str(error), "mend the file or set SUIFANG_CONTENT_DIR")
    if drafts:
        return note(
            "content",
            f"{len(drafts)} clinical contents are drafts: {', '.join(drafts[:8])}",
            "a clinician reads them and sets their status to active; production refuses to start before",
        )
    return good("content", f"all active in {settings.content_dir}")


def check_flows(settings: Settings) -> list[Finding]:
    """Every flow of automated calls is gone through as `suifang flow check` does."""
    try:
        desk = FlowDesk(settings)
        faulty = {
            path.name: faults for path in sorted(desk.folder.glob("*.yaml")) if (faults := faults_of(path, desk.checks))
        }
    except (ContentError, OSError, ValueError) as error:
        return [wrong("flows", str(error), "mend the file or set SUIFANG_CONTENT_DIR")]
    if not faulty:
        return [good("flows", f"all {len(desk.content.flows)} have an exit and every sentence they say")]
    return [
        wrong(
            "flows",
            f"{name}: {faults[0]}" + (f" (and {len(faults) - 1} more)" if faults[1:] else ""),
            "suifang flow check",
        )
        for name, faults in faulty.items()
    ]


def check_engines(settings: Settings) -> list[Finding]:
    """Database and broker, as set or embedded."""
    try:
        urls = engine_urls(settings)
    except EngineError as error:
        return [wrong("database and broker", str(error), "suifang up")]
    return [*check_database(settings, urls.database_url), check_broker(urls.broker_url)]


def check_database(settings: Settings, database_url: str) -> list[Finding]:
    """Reachable, new enough, in UTF-8, with what search needs, at this version's tables, in step with our clock."""
    try:
        with psycopg.connect(libpq_url(database_url), connect_timeout=5) as connection:
            version = connection.info.server_version
            asked = connection.execute(
                "SELECT current_setting('server_encoding'), clock_timestamp(), "
                "EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"
            ).fetchone()
            here = clock.now()
    except psycopg.OperationalError as error:
        return [
            wrong("database", f"it does not answer: {str(error).strip()}", "start it, or correct SUIFANG_DATABASE_URL")
        ]
    encoding, there, has_trigrams = asked or ("", here, False)
    kind = "embedded" if settings.database_url is None else "external"
    seen = f"PostgreSQL {version // 10000}.{version % 10000}, {kind}"
    faults = [
        (version < _OLDEST_POSTGRES, "it is older than 15", "upgrade it"),
        (encoding != "UTF8", f"its encoding is {encoding}", "make the database with ENCODING 'UTF8'"),
        (not has_trigrams, "it has no pg_trgm", "install its contrib package (postgresql-contrib)"),
    ]
    findings = [wrong("database", f"{seen}: {fault}", mend) for present, fault, mend in faults if present]
    findings = findings or [good("database", seen)]
    findings.append(check_clock(here, there.astimezone(UTC)))
    behind = pending(database_url)
    if behind:
        return [*findings, wrong("migrations", behind, "suifang migrate")]
    findings.append(good("migrations", "the tables are those of this version"))
    engine = make_engine(database_url, application="suifang-doctor")
    try:
        units = UnitsOfWork(engine)
        findings += [_check_mode(settings, units), check_calendar(settings, units)]
        findings += check_feeds(settings, units)
        findings += check_keeping(settings, units)
        findings += check_vault(settings, units)
        return [*findings, *check_follow_up(settings, Content(settings.content_dir), units)]
    finally:
        engine.dispose()


def check_calendar(settings: Settings, units: UnitsOfWork) -> Finding:
    """Windows and due dates of the next twelve months are reckoned in working days: the calendar must know them."""
    with units() as uow:
        calendar = uow.calendar.of(settings.calendar_region)
        today = uow.now.astimezone(settings.zone).date()
    warning = calendar.warning(today, today + _CALENDAR_AHEAD)
    if warning:
        return note("calendar", warning, "suifang calendar load; for a year that no package has yet: enter it by API")
    return good("calendar", f"{calendar.region} is known until the end of {max(calendar.years)}")


def check_clock(here: datetime, there: datetime) -> Finding:
    """Windows and gaps are judged by the database's clock, events are stamped by ours."""
    apart = here - there
    if abs(apart) > _CLOCK_LIMIT:
        return wrong(
            "clock",
            f"this machine is {apart.total_seconds():+.1f} s from the database",
            "let both follow the hospital's time server (chrony)",
        )
    return good("clock", f"{apart.total_seconds():+.3f} s from the database")


def check_broker(broker_url: str) -> Finding:
    """Reachable, and it forgets nothing."""
    try:
        with redis.Redis.from_url(broker_url, socket_timeout=5, socket_connect_timeout=5) as broker:
            said = broker.info()
    except redis.RedisError as error:
        return wrong("broker", f"it does not answer: {error}", "start it, or correct SUIFANG_BROKER_URL")
    named = f"Valkey {said['valkey_version']}" if "valkey_version" in said else f"Redis {said['redis_version']}"
    if said.get("maxmemory_policy") != "noeviction":
        return wrong(
            "broker",
            f"{named} throws tasks away when its memory is full (maxmemory-policy {said.get('maxmemory_policy')})",
            "set maxmemory-policy noeviction",
        )
    if not said.get("aof_enabled"):
        return note(
            "broker",
            f"{named} keeps no append-only file",
            "set appendonly yes: after a crash, tasks would wait until they are found missing",
        )
    return good("broker", f"{named}, durable")


def _check_mode(settings: Settings, units: UnitsOfWork) -> Finding:
    with units() as uow:
        demo_users = uow.users.synthetic_count()
    content = Content(settings.content_dir)
    profile = content.jurisdictions.get(settings.jurisdiction.value)
    reasons = refusals(settings, demo_users=demo_users, draft_contents=len(content.drafts()), profile=profile)
    subject = f"mode {settings.mode}"
    return wrong(subject, "; ".join(reasons), "do as it says") if reasons else good(subject, "nothing that it forbids")


def _suggestion(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else "remove it; README names every setting"
