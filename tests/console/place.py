"""A house to look at: `python -m tests.console.place --port 8100 --seed recordings --seed quality`, until Ctrl-C.

Prints an address for each role that logs the browser in. Everybody in it is synthetic.
"""

import argparse
import importlib
import signal
import socket
import tempfile
import threading
from pathlib import Path

from db.migrate import upgrade
from db.users import Role
from runtime.settings import REPOSITORY
from suifang import api_process
from tests.integration.api.house import PASSWORD, open_house
from tests.support.engines import cloned_database, running_engines, temporary_settings


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", action="append", default=[], help="a module of tests.console.seeds")
    parser.add_argument("--console", type=Path, default=REPOSITORY / "console" / "dist")
    asked = parser.parse_args()
    with (
        running_engines() as (_, engines),
        cloned_database(engines, "template1") as url,
        tempfile.TemporaryDirectory() as folder,
        temporary_settings() as settings,
        socket.create_server(("127.0.0.1", asked.port)) as listening,
    ):
        upgrade(url)
        with open_house(
            url,
            engines.broker_url,
            Path(folder),
            hospital_name="示范医院",
            call_back_number="+861088886666",
            console_dir=asked.console,
        ) as house:
            for name in asked.seed:
                importlib.import_module(f"tests.console.seeds.{name}").seed(house)
            people = {role.value: house.person(role) for role in Role} | {"everything": house.person(*Role)}
            server = api_process.server(settings, house.app)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            for role, person in people.items():
                print(f"{role}: login {person.login} password '{PASSWORD}' cookie {person.token}", flush=True)
            print(f"http://127.0.0.1:{asked.port}/", flush=True)
            stop = threading.Event()
            signal.signal(signal.SIGINT, lambda *_: stop.set())
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            stop.wait()
            server.should_exit = True
            thread.join(20)


if __name__ == "__main__":
    main()
