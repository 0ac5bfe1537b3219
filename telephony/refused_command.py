"""What a command to a telephony node comes to: an act on the line, or a refusal in words."""

from collections.abc import Callable

from db.calls import CallCommand
from db.unit_of_work import UnitOfWork
from telephony.call_control import CallControl


class RefusedCommandError(Exception):
    """The command cannot be; the sentence is stored with it and shown to whoever asked."""


LineAct = Callable[[CallControl], None]
"""What a decided command asks of the line, done after the commit; it raises CallControlError when refused there."""

Verb = Callable[[UnitOfWork, CallCommand], LineAct | None]
"""Decides a command of one kind, or raises RefusedCommandError."""
