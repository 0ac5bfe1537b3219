"""The Celery task that sends messages: the shell around `interop.channels.sending`."""

from celery import Celery

from followup.messages import MessageState
from interop.channels.sending import ChannelParts, send
from runtime.task_queue import TRIED_AGAIN
from runtime.worker_context import provided

SEND_MESSAGE = "interop.send_message"


def register(app: Celery) -> None:
    """Make the task known to a worker's application."""
    app.task(send_message, name=SEND_MESSAGE, lazy=False, **TRIED_AGAIN)


def send_message(message_id: str) -> MessageState | None:
    """Send a message whose time has come; one that is put off is sent again by `scheduler.unsent_messages`."""
    return send(provided(ChannelParts), message_id)
