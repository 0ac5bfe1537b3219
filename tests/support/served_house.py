"""The house's app behind the real server, for browsers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.auth import COOKIE
from suifang import api_process
from telephony.call_control import Trunk
from telephony.trunks import Trunks
from tests.integration.api.house import House, Person
from tests.support.engines import temporary_settings
from tests.support.headset_browser import Desk, browser_desk, write_tone
from tests.support.ports import free_udp_block
from tests.support.sip_patient import SipPatient
from tests.support.telephony_bench import PORTS, Place, node_at
from tests.support.waiting import until


@contextmanager
def served(house: House) -> Iterator[str]:
    """The address at which it is served."""
    with temporary_settings() as settings, socket.create_server(("127.0.0.1", 0)) as listening:
        server = api_process.server(settings, house.app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started, timeout=20, what="the server listens")
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server did not stop"


@contextmanager
def headset_page(
    house: House, person: Person, phone: SipPatient, folder: Path, database_url: str, *, hertz: float
) -> Iterator[tuple[Place, Desk]]:
    """A node whose trunk leads to this telephone, and the headset's page of a person who speaks a tone."""
    trunk = Trunk(name="town", host=phone.host, port=phone.port, loopback_only=True)
    place = Place(
        folder=folder,
        ports=free_udp_block(PORTS),
        trunks=Trunks(patients=trunk, headsets=trunk),
        units=house.units,
        database_url=database_url,
    )
    microphone = write_tone(folder / "microphone.wav", hertz)
    with served(house) as url, node_at(place):
        cookie = {"name": COOKIE, "value": person.token, "url": url}
        with browser_desk(microphone, [cookie]) as desk:
            desk.page.goto(f"{url}/headset")
            yield place, desk
