"""`suifang api`: wires the HTTP API and serves it until it is told to stop."""

from functools import partial
from threading import Timer

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from api.app import create_app
from api.wiring import CONCURRENT_UNITS, Wiring
from db.engine import make_engine
from db.gate import Gate
from db.unit_of_work import UnitsOfWork
from recordings.opening import open_vault
from reports.keys import report_keys
from runtime.content.library import Content
from runtime.embedded import engine_urls
from runtime.live_events import AsyncLiveStream
from runtime.log import configure_logging
from runtime.private_files import socket_path
from runtime.settings import Settings
from runtime.trunks_file import declared_trunks
from scheduler.roster_rule import RosterRule
from suifang.doctor import examine_running
from suifang.start import refuse_wrong_start
from suifang.verify_command import public_keys
from telephony.headsets.door import GatewayDoor
from telephony.headsets.ice_servers import IceSettings
from telephony.headsets.wire import SOCKET_NAME
from transcription.search_language import FOLDER, SearchLanguage

DICTIONARY_AFTER_SECONDS = 15.0
GRACE_SECONDS = 5
"""How long a request that is being answered may go on after the process was told to stop."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    configure_logging(settings, "api")
    refuse_wrong_start(settings)
    server(settings, application(settings)).run()


def application(settings: Settings) -> FastAPI:
    """The API of this installation."""
    urls = engine_urls(settings)
    content = Content(settings.content_dir)
    engine = make_engine(urls.database_url, pool_size=CONCURRENT_UNITS, application="suifang-api")
    search = SearchLanguage(content, settings.state_dir / FOLDER)
    # After the rush of the start, beside the requests: whoever searches first need not wait for the dictionary.
    reading = Timer(DICTIONARY_AFTER_SECONDS, search.load)
    reading.daemon = True
    reading.start()
    units = UnitsOfWork(engine)
    return create_app(
        Wiring(
            units=units,
            content=content,
            store=open_vault(settings, units),
            live=AsyncLiveStream(urls.broker_url),
            gate=Gate.of(settings, content),
            zone=settings.zone,
            console_dir=settings.console_dir,
            https=settings.public_url.startswith("https://"),
            calendar_region=settings.calendar_region,
            cost_per_minute=min((trunk.cost for trunk in declared_trunks(settings) if trunk.cost), default=None),
            request_days=settings.request_days,
            request_days_several=settings.request_days_several,
            roster=RosterRule.of(content) if settings.roster_required else None,
            public_url=settings.public_url,
            hospital_name=settings.hospital_name,
            hospital_name_en=settings.hospital_name_en,
            call_back_number=settings.call_back_number,
            hasher=PasswordHasher(),
            import_rows_days=settings.import_rows_days,
            report_keys=report_keys(settings),
            font_folders=settings.font_folders,
            retention_purges=settings.retention_purges,
            examine=partial(examine_running, settings),
            signatures=partial(public_keys, settings),
            speech_models=tuple(chosen.name for chosen in settings.queue_models),
            area_code=settings.area_code,
            headsets=GatewayDoor(socket=socket_path(settings.run_dir, SOCKET_NAME), node=settings.node_name),
            search=search,
            ice=IceSettings(
                stun_url=settings.stun_url,
                turn_url=settings.turn_url,
                turn_secret=settings.turn_secret.get_secret_value(),
                turn_only=settings.turn_only,
            ),
        )
    )


def server(settings: Settings, app: FastAPI) -> uvicorn.Server:
    """The server at the settings' address, with TLS where a certificate is set."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            # Log lines are configured once for the whole process, and an access line would name addresses.
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
