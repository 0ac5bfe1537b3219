"""The last look at an INVITE before it leaves: whoever ends its call, should we die the next moment, needs its text.

The library tells of a message only once it is on its way; a worker killed within those milliseconds left a phone
ringing that nobody could stop. This is a module of pjsip's own kind, behind the one that prints the message.
"""

import ctypes
import struct
import sys
from collections.abc import Callable

import structlog

from telephony.sip.gate import PACKET_SIZE, ModuleCallback, PjsipModule, PjText

log = structlog.get_logger(__name__)

AFTER_PRINTING = 4  # messages leave through modules in falling order; the transport layer (8) prints them
_MESSAGE_SIZE = 1024  # of pjsip_tx_data, at least: it is the first thing in a pool of 4000 bytes
_SENT = 0


class Outgoing:
    """Shows every INVITE that is about to leave: the first of a call to whoever makes it, all others to `again`.

    Others are the second of a call, with the credentials that its 401 or 407 asked for, and those that hold or refresh.
    """

    def __init__(self) -> None:
        self.leaving: Callable[[str], None] | None = None
        self.again: Callable[[str], None] | None = None
        library = ctypes.CDLL(str((sys.modules.get("pjsua2._pjsua2") or sys.modules["_pjsua2"]).__file__))
        library.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        library.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._module = PjsipModule()
        self._module.name = PjText(b"mod-suifang-outgoing", 20)
        self._module.id = -1
        self._module.priority = AFTER_PRINTING
        self._module.on_tx_request = ModuleCallback(self._leaves)
        status = library.pjsip_endpt_register_module(library.pjsua_get_pjsip_endpt(), ctypes.byref(self._module))
        if status != 0:
            raise OSError(status, "the SIP library takes no module of ours: a killed worker's call could not be ended")

    def _leaves(self, message: int) -> int:
        """Called by the library. Nothing may be raised into C, and the message leaves whatever comes of the look."""
        try:
            shown = self.leaving or self.again
            if shown is not None:
                text = _printed(message)
                if text.startswith(b"INVITE "):
                    shown(text.decode(errors="replace"))
        except Exception:
            log.exception("invite_not_noted")
        return _SENT


def _printed(message: int) -> bytes:
    """The text of a message: where its structure points to a buffer's start, current and last byte, in a row."""
    words = struct.unpack(f"{_MESSAGE_SIZE // 8}Q", ctypes.string_at(message, _MESSAGE_SIZE))
    for start, written, end in zip(words, words[1:], words[2:], strict=False):
        if end - start == PACKET_SIZE and start < written <= end:
            return ctypes.string_at(start, written - start)
    return b""
