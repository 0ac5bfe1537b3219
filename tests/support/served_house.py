"""The house's app behind the real server, for browsers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from suifang import api_process
from tests.integration.api.house import House
from tests.support.engines import temporary_settings
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
