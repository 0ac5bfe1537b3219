"""The API's own pages: its contract for programs, and a plain list of its routes for people."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from api.edge import Route
from api.permissions import ANYONE

contract = APIRouter(tags=["contract"], route_class=Route)
router = APIRouter(route_class=Route, include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "td{padding:.2rem .8rem .2rem 0}code{font-size:.95em}"
)


@contract.get("/openapi.json", dependencies=[ANYONE], response_class=JSONResponse)
def openapi(request: Request) -> JSONResponse:
    """This API's contract (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())


@router.get("/api", dependencies=[ANYONE])
def index(request: Request) -> HTMLResponse:
    """What can be asked here, in words."""
    described: dict[str, Any] = request.app.openapi()
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation.get('description', ''))}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Suifang 随访</title><style>{_STYLE}</style>"
        "<h1>Suifang 随访</h1><p>The follow-up call centre is running. Programs find its contract at "
        "<a href=/api/v1/openapi.json>/api/v1/openapi.json</a>; log in with POST /api/v1/log-ins.</p>"
        f"<table>{rows}</table></html>"
    )
