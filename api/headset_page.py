"""The plain page on which an agent's or supervisor's browser is her headset, and the modules it is made of."""

from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from api.edge import Route
from api.permissions import ANYONE, CareTeam

router = APIRouter(route_class=Route, include_in_schema=False)

_FOLDER = Path(__file__).parent / "static" / "headset"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Permissions-Policy": "microphone=(self), speaker-selection=(self), camera=(), geolocation=()",
}


@router.get("/headset")
def page(caller: CareTeam) -> Response:  # noqa: ARG001 only for logged-in agents and supervisors
    """The page."""
    return _file("page.html")


@router.get("/log-in", dependencies=[ANYONE])
def log_in_page() -> Response:
    """Where a person logs in for the page."""
    return _file("log_in.html")


@router.get("/headset/{name}", dependencies=[ANYONE])
def part(name: Literal["headset.js", "desk.js", "log_in.js", "page.js", "words.js", "page.css"]) -> Response:
    """A module or the style of it; they hold nothing that is anybody's."""
    return _file(name)


def _file(name: str) -> Response:
    path = _FOLDER / name
    return Response(path.read_bytes(), media_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=_HEADERS)
