"""A scripted supervisor: from her own telephone she listens to one conversation for some seconds, and leaves."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from suifang.demo.client import ApiClient, RefusedByApiError
from suifang.demo.headset_process import HeadsetProcess
from suifang.demo.hospital import SupervisorScript

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
COMES_IN = timedelta(seconds=8)  # from asking until she is on the line
REASON = "quality_check"


class SupervisorVisit(threading.Thread):
    """One visit, to whoever talks first; a refusal (the call has just ended) only makes her look for another."""

    def __init__(
        self,
        script: SupervisorScript,
        *,
        client: ApiClient,
        password: str,
        port: int,
        log_file: Path,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._script = script
        self._client = client
        self._password = password
        self._port = port
        self._log_file = log_file
        self._say = say
        self._stopping = threading.Event()
        self.over = threading.Event()

    def stop(self) -> None:
        """Leave the line and go home."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        self._client.log_in(self._script.login, self._password)
        phone = HeadsetProcess([self._script.login], port=self._port, log_file=self._log_file)
        try:
            self._client.put("/supervision/phone", {"phone": phone.address(self._script.login)})
            while not self._stopping.wait(LOOK_SECONDS):
                try:
                    if self._visit():
                        break
                except RefusedByApiError as refused:
                    log.info("supervisor_refused", reason=str(refused))
        finally:
            phone.close()
            self._client.close()
            self.over.set()

    def _visit(self) -> bool:
        row = self._whom()
        if row is None:
            return False
        supervision = self._client.post(f"/calls/{row['call_id']}/supervisions", {"mode": "listen", "reason": REASON})
        if not self._came_in(row["call_id"], supervision["id"]):
            return False
        who = self._script.display_name
        agent = row["display_name"]
        self._say(f"{who} 监听 {agent} 的通话（质控检查）· supervisor {who} listens to {agent} (quality check)")
        self._stopping.wait(self._script.listens_seconds)
        self._client.post(f"/supervisions/{supervision['id']}/end")
        self._say(f"{who} 结束监听 · supervisor {who} left the call; begin, stretch and end are in the audit log")
        return True

    def _whom(self) -> dict[str, Any] | None:
        """An agent in a conversation that has just begun: her call's id and her name."""
        rows = self._client.get("/agents")["agents"]
        talking = [row for row in rows if row["call_id"] is not None and row["desk"]["state"] == "on_call"]
        newest: dict[str, Any] | None = max(talking, key=lambda row: row["desk"]["state_since"], default=None)
        return newest

    def _came_in(self, call_id: str, supervision_id: str) -> bool:
        deadline = datetime.now(UTC) + COMES_IN
        while datetime.now(UTC) < deadline and not self._stopping.wait(LOOK_SECONDS / 2):
            stretches = self._client.get(f"/calls/{call_id}/supervisions")["stretches"]
            if any(stretch["supervision_id"] == supervision_id for stretch in stretches):
                return True
            if all(live["id"] != supervision_id for live in self._client.get("/supervisions")["supervisions"]):
                return False
        return False
