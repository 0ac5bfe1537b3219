"""The gate: sees every SIP request outside a dialog before the library spends a call, a socket or a transaction on it.

The stock wheel aborts when sockets are opened faster than it forgets closed ones, and it opens two for every INVITE:
what need not come in must not come so far. It is a module of pjsip's own kind, registered through exported C functions.
"""

import ctypes
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

BEFORE_CALLS = 60  # after dialogs (48) have taken what is theirs, before pjsua (64) makes a call
PACKET_SIZE = 4000  # PJSIP_MAX_PKT_LEN of the wheel
BEHIND_PACKET = 200  # what follows the packet in the library's structure: lengths, addresses, the message's place
_SOURCE = re.compile(rb"(\d{1,3}(?:\.\d{1,3}){3})\x00")
_USER = re.compile(r"\A[A-Z]+ sips?:([^@;>\s]*)@", re.IGNORECASE)
_PASS, _TAKEN = 0, 1


def user_asked_for(request: str) -> str:
    """The user part of the address a request is for; empty when it has none."""
    found = _USER.match(request)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A request outside any dialog: `host` is where it came from, `user` whom its address asks for."""

    method: str
    user: str
    host: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What becomes of a request: let in, answered with a status at once, or dropped without a word."""

    let_in: bool = False
    status: int = 0  # 0: not even an answer
    retry_after_seconds: int = 0


LET_IN = Admission(let_in=True)
DROPPED = Admission()

Judge = Callable[[Knock], Admission]

ModuleCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class PjText(ctypes.Structure):
    """pj_str_t."""

    _fields_ = (("start", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class PjsipModule(ctypes.Structure):
    """struct pjsip_module."""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", PjText),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", ModuleCallback),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ModuleCallback),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )


class _Listed(ctypes.Structure):
    """The first two fields of every header: its neighbours in a list."""

    _fields_ = (("previous", ctypes.c_void_p), ("next", ctypes.c_void_p), ("rest", ctypes.c_char * 240))


class Gate:
    """Stands before pjsua as long as the endpoint lives."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._library = ctypes.CDLL(str((sys.modules.get("pjsua2._pjsua2") or sys.modules["_pjsua2"]).__file__))
        self._library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        self._library.pjsip_rx_data_get_info.restype = ctypes.c_char_p
        self._library.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
        self._library.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._library.pjsip_retry_after_hdr_create.restype = ctypes.c_void_p
        self._library.pjsip_retry_after_hdr_create.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._library.pjsip_endpt_respond_stateless.argtypes = [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._endpoint = self._library.pjsua_get_pjsip_endpt()
        self._module = PjsipModule()
        self._module.name = PjText(b"mod-suifang-gate", 16)
        self._module.id = -1
        self._module.priority = BEFORE_CALLS
        self._module.on_rx_request = ModuleCallback(self._knocked)
        status = self._library.pjsip_endpt_register_module(self._endpoint, ctypes.byref(self._module))
        if status != 0:
            raise OSError(status, "the SIP library takes no module of ours: its worker would be open to floods")

    def _knocked(self, request: int) -> int:
        """Called by the library. Nothing may be raised into C, and what cannot be judged stays outside."""
        try:
            knock = self._read(request)
            admission = DROPPED if knock is None else self._judge(knock)
            if admission.let_in:
                return _PASS
            if admission.status:
                self._answer(request, admission)
        except Exception:
            log.exception("knock_not_judged")
        return _TAKEN

    def _read(self, request: int) -> Knock | None:
        named = self._library.pjsip_rx_data_get_info(request)  # "Request msg INVITE/cseq=1 (rdata0x…)"
        method = named.split()[2].rpartition(b"/")[0]
        head = ctypes.string_at(request, 1024)
        packet = head.find(method + b" ")
        if packet < 0:
            return None
        held = ctypes.string_at(request, packet + PACKET_SIZE + BEHIND_PACKET)
        place = held.find((request + packet).to_bytes(8, "little"), packet + PACKET_SIZE)
        source = _SOURCE.search(held, max(place - 64, packet + PACKET_SIZE), place) if place > 0 else None
        if source is None:
            return None
        length = int.from_bytes(held[place + 8 : place + 12], "little")
        text = held[packet : packet + min(max(length, 0), PACKET_SIZE)].decode("utf-8", "replace")
        return Knock(
            method=method.decode("ascii", "replace"),
            user=user_asked_for(text),
            host=source[1].decode(),
            text=text,
        )

    def _answer(self, request: int, admission: Admission) -> None:
        headers = None
        if admission.retry_after_seconds:
            pool = ctypes.c_void_p.from_address(request).value  # the first field of the library's structure
            made = self._library.pjsip_retry_after_hdr_create(pool, admission.retry_after_seconds)
            headers, header = _Listed(), _Listed.from_address(made)
            headers.previous = headers.next = made
            header.previous = header.next = ctypes.addressof(headers)
        self._library.pjsip_endpt_respond_stateless(
            self._endpoint,
            request,
            admission.status,
            None,
            ctypes.byref(headers) if headers is not None else None,
            None,
        )
