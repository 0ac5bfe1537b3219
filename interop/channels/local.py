"""The local channel: what would go out is written to a file on this machine, and nothing leaves it."""

import json
from dataclasses import asdict
from pathlib import Path

from followup.ports import ChannelRefusedError, OutgoingMessage
from runtime.settings import private_folder


class LocalChannel:
    """Keeps each message as a file under its id, so that one handed over twice is there once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: OutgoingMessage) -> str:
        """Keep the message; ChannelRefusedError if its address is none."""
        if not message.address.strip():
            raise ChannelRefusedError("the address is empty: correct the patient's record")
        kept = private_folder(self._folder) / f"{message.id}.json"
        words = json.dumps(asdict(message), ensure_ascii=False, indent=1)
        # Written beside and moved, so that whoever looks never sees half a message.
        beside = kept.with_suffix(".part")
        beside.touch(mode=0o600)
        beside.write_text(words, encoding="utf-8")
        beside.replace(kept)
        return f"local:{message.id}"
