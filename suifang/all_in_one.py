"""`suifang up`: database, broker and every process on one machine, kept alive until Ctrl-C."""

import signal
import socket
import threading
from datetime import timedelta

import structlog
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from db.migrate import upgrade
from runtime.embedded import EngineError, ensure_engines
from runtime.log import configure_logging
from runtime.settings import Settings
from suifang.calendar_command import ensure_loaded
from suifang.start import refuse_wrong_start
from suifang.supervision import Supervision, SupervisionError, own_programs

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_START_TIME = timedelta(seconds=120)


def run(settings: Settings) -> None:
    """Start all, revive what dies, and stop in order at SIGINT or SIGTERM; a second signal changes nothing."""
    configure_logging(settings, "up")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    with ensure_engines(settings) as engines:
        upgrade(engines.database_url)
        refuse_wrong_start(settings)
        ensure_loaded(engines.database_url, settings.calendar_region)
        with Supervision(settings, own_programs(captions=settings.captions)) as supervision:
            starting = threading.Thread(target=_announce, args=(settings, supervision), name="announce", daemon=True)
            starting.start()
            while not stopping.wait(_LOOK_SECONDS):
                try:
                    engines.revive()
                    supervision.revive()
                except (EngineError, SupervisionError) as error:
                    # A full disk can be emptied, a taken port given back: the next look tries again.
                    log.error("not_revived", reason=str(error))  # noqa: TRY400 the sentence says all
            log.info("stopping")


def _announce(settings: Settings, supervision: Supervision) -> None:
    try:
        supervision.wait_running(_START_TIME)
        _wait_listening(settings.api_host, settings.api_port)
    except (SupervisionError, OSError) as error:
        log.error("not_all_running", reason=str(error))  # noqa: TRY400 the sentence says all
    else:
        log.info("suifang_is_up", url=settings.public_url)


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.2), stop=stop_after_delay(_START_TIME), reraise=True)
def _wait_listening(host: str, port: int) -> None:
    reached = host if host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 what was set, not what we bind
    socket.create_connection((reached, port), timeout=5).close()
