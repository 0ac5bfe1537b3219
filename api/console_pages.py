"""The console's files: one page that finds its way by itself, and its parts, which never change under their names."""

import gzip
import mimetypes
import secrets
from functools import cached_property
from html import escape
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from api.edge import Route
from api.permissions import ANYONE

router = APIRouter(route_class=Route, include_in_schema=False)

_NONCE = "NONCE_OF_THE_ANSWER"
_FOR_EVER = "public, max-age=31536000, immutable"
_MICROPHONE = "microphone=(self), speaker-selection=(self), camera=(), geolocation=()"
# The console's rooms; below each it finds its way by itself. Any other address is none.
ROOMS = (
    "admin",
    "alerts",
    "campaigns",
    "complaints",
    "exceptions",
    "guide",
    "live",
    "patients",
    "quality",
    "recordings",
    "stats",
    "work",
)
_STYLE = "body{font:16px/1.6 system-ui,'Microsoft YaHei',sans-serif;margin:3rem auto;max-width:44rem;padding:0 1rem}"


class Console:
    """What `npm run build` left in a folder, or nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def built(self) -> bool:
        """Whether there is a console to show."""
        return (self.folder / "index.html").is_file()

    @cached_property
    def _parts(self) -> dict[str, Path]:
        return {
            path.relative_to(self.folder).as_posix(): path
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "index.html"
        }

    def page(self, nonce: str) -> str:
        """The page, its style and script allowed by the nonce."""
        return (self.folder / "index.html").read_text(encoding="utf-8").replace(_NONCE, nonce)

    def part(self, name: str) -> Path | None:
        """A file of the console; only those that the build made, so that no path leads out."""
        return self._parts.get(name)


@router.get("/assets/{name:path}", dependencies=[ANYONE])
@router.get("/{name}.svg", dependencies=[ANYONE])
def part(request: Request) -> Response:
    """A script, style or picture of the console; compressed where the browser takes it."""
    console: Console = request.app.state.console
    address = request.url.path.removeprefix("/")
    path = console.part(address)
    if path is None:
        raise HTTPException(404)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    body = path.read_bytes()
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    packed = path.with_name(path.name + ".gz")
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = packed.read_bytes() if packed.is_file() else gzip.compress(body, 6)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=kind, headers=headers)


def page(request: Request) -> Response:
    """The console, at whatever page of it; in words how to get it where it was not built."""
    console: Console = request.app.state.console
    if not console.built:
        return HTMLResponse(_absent(console.folder), status_code=503, headers={"Cache-Control": "no-store"})
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        # Attributes can name no selector and load nothing; text areas and players measure themselves by them.
        "style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )
    return HTMLResponse(
        console.page(nonce),
        headers={"Content-Security-Policy": policy, "Permissions-Policy": _MICROPHONE, "Cache-Control": "no-cache"},
    )


for address in ("/", *(f"/{room}{below}" for room in ROOMS for below in ("", "/{below:path}"))):
    router.add_api_route(address, page, dependencies=[ANYONE])


def _absent(folder: Path) -> str:
    return (
        f"<!doctype html><html lang=zh-CN><meta charset=utf-8><title>Suifang 随访</title><style>{_STYLE}</style>"
        "<h1>Suifang 随访</h1><p>服务正在运行，但控制台尚未构建。请安装 Node.js 20.19 或更高版本，"
        "在项目目录运行 <code>make console</code>，然后刷新本页。</p>"
        "<p lang=en>The service is running, but the console was not built. Install Node.js 20.19 or newer, run "
        f"<code>make console</code> in the project's folder, then reload this page. It is looked for in "
        f"<code>{escape(folder.as_posix())}</code>. <a href=/api>What programs can ask</a> works without it.</p></html>"
    )
