"""The console's files as browsers get them, and what they get where nothing was built."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.console_pages import ROOMS
from runtime.settings import REPOSITORY
from tests.integration.api.house import House, open_house

PART = "assets/index-0a1b2c.js"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder like the build's."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<script nonce="NONCE_OF_THE_ANSWER" src="/assets/index-0a1b2c.js">')
    (folder / PART).write_text("console.log(1)")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "secret.svg").write_text("not ours to give")
    return folder


@pytest.fixture
def house(database_url: str, broker_url: str, tmp_path: Path, built: Path) -> Iterator[House]:
    with open_house(database_url, broker_url, tmp_path, console_dir=built) as opened:
        yield opened


def test_every_room_is_the_one_page_with_a_nonce_of_its_own(house: House) -> None:
    nonces = set()
    for address in ("/", *(f"/{room}" for room in ROOMS), "/recordings/0b1c?t=83"):
        page = house.client.get(address)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
        assert f'nonce="{nonce}"' in page.text
        assert policy.count("unsafe") == 1, "for attributes of style alone"
        assert "style-src-attr 'unsafe-inline'" in policy
        assert page.headers["cache-control"] == "no-cache"
        nonces.add(nonce)
    assert len(nonces) == len(ROOMS) + 2


def test_parts_are_kept_for_ever_and_packed_for_those_who_take_it(house: House) -> None:
    part = house.client.get(f"/{PART}")
    assert part.text == "console.log(1)"
    assert "immutable" in part.headers["cache-control"]
    assert part.headers["content-encoding"] == "gzip"
    assert part.headers["content-type"].startswith("text/javascript")
    plain = house.client.get(f"/{PART}", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert house.client.get("/favicon.svg").headers["content-type"].startswith("image/svg")


def test_what_was_packed_at_the_build_is_sent_as_it_lies(house: House, built: Path) -> None:
    (built / (PART + ".gz")).write_bytes(gzip.compress(b"packed before"))
    assert house.client.get(f"/{PART}").text == "packed before"


@pytest.mark.parametrize("address", ["/nothing", "/assets/none.js", "/assets/../../secret.svg", "/secret.svg", "/apix"])
def test_other_addresses_are_none(house: House, address: str) -> None:
    answer = house.client.get(address)
    assert answer.status_code == 404
    assert answer.json()["code"] == "no_such_address"


def test_an_unknown_address_of_the_api_is_a_problem_and_not_a_page(house: House) -> None:
    assert house.client.get("/api/v1/nothing").json()["code"] == "no_such_address"
    assert house.client.get("/api/v1/log-out").status_code == 405


def test_without_a_build_the_front_page_says_how_to_get_one(database_url: str, broker_url: str, tmp_path: Path) -> None:
    with open_house(database_url, broker_url, tmp_path, console_dir=tmp_path / "none") as house:
        page = house.client.get("/work")
        assert page.status_code == 503
        assert "make console" in page.text
        assert "Node.js" in page.text
        assert house.client.get("/healthz").status_code == 200


def test_every_page_of_the_console_has_a_room_at_the_server() -> None:
    pages = (REPOSITORY / "console" / "src" / "app" / "pages.ts").read_text(encoding="utf-8")
    rooms = {path.split("/")[1] for path in re.findall(r'path: "(/[^"]+)"', pages)}
    assert rooms
    assert rooms <= set(ROOMS)
