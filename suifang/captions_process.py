"""`suifang captions`: writes what is being said in this machine's calls, from the recordings that its node makes."""

import os
import signal
import threading
from collections.abc import Mapping

import structlog
from redis.exceptions import RedisError

from db.engine import make_engine
from db.unit_of_work import UnitsOfWork
from recordings.live_spool import SpoolSource
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.live_events import LiveStream
from runtime.log import configure_logging
from runtime.settings import Settings
from suifang.start import refuse_wrong_start
from transcription.captions import CaptionRules, Captions, Told, keep_turning
from transcription.live_engine import ShortWindowWhisper
from transcription.red_flags import RedFlagSets, load_red_flags
from transcription.weights import find_weights

log = structlog.get_logger(__name__)

_STEPS_BACK = 5


def run(settings: Settings) -> None:
    """Follow this node's calls until SIGTERM or SIGINT; without SUIFANG_CAPTIONS nothing is heard."""
    configure_logging(settings, "captions")
    refuse_wrong_start(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if not settings.captions:
        log.info("captions_off", mend="set SUIFANG_CAPTIONS=true")
        stopping.wait()
        return
    os.nice(_STEPS_BACK)  # a call's sound comes before its captions
    urls = engine_urls(settings)
    engine = make_engine(urls.database_url, application="suifang-captions")
    weights = find_weights(settings.local_speech_model, settings.state_dir)
    with LiveStream(urls.broker_url) as live:
        captions = Captions(
            UnitsOfWork(engine),
            SpoolSource(),
            ShortWindowWhisper(weights, cpu_threads=settings.speech_threads),
            RedFlagSets(
                load_red_flags(settings.content_dir / "red_flags"), Content(settings.content_dir).diagnosis_groups
            ),
            teller(live),
            CaptionRules(node=settings.node_name, most_calls=settings.captions_calls),
        )
        log.info("captions_ready", model=weights.name, most_calls=settings.captions_calls)
        keep_turning(captions, stopping.wait)
        captions.close()
    engine.dispose()


def teller(live: LiveStream) -> Told:
    """Tells the screens at once; what the broker did not take is made up for by the next change."""

    def tell(kind: str, ids: Mapping[str, str]) -> None:
        try:
            live.publish(kind, ids)
        except RedisError as error:
            log.warning("captions_not_told", reason=type(error).__name__)

    return tell
