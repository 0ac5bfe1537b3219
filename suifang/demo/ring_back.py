"""A patient rings back: whoever was missed twice calls the hospital, and her wish to be rung back becomes a task."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from suifang.demo.client import ApiClient, RefusedByApiError
from suifang.demo.hospital import DemoPatient, RingBack
from suifang.demo.place import DemoPlace

log = structlog.get_logger(__name__)

CALL_SECONDS = 70.0
LOOK_SECONDS = 0.5


class PatientRingsBack(threading.Thread):
    """Waits to be told that she was missed, then rings from her mobile and tells what came of it."""

    def __init__(
        self, script: RingBack, patient: DemoPatient, *, place: DemoPlace, client: ApiClient, say: Callable[[str], None]
    ) -> None:
        super().__init__(name="rings-back", daemon=True)
        self.record_number = script.record_number
        self._script = script
        self._patient = patient
        self._place = place
        self._client = client
        self._say = say
        self._missed = threading.Event()
        self._stopping = threading.Event()
        self.over = threading.Event()

    def missed(self) -> None:
        """Nobody reached her, and the round of the script is over."""
        self._missed.set()

    def stop(self) -> None:
        """Hang up, or do not ring any more."""
        self._stopping.set()
        self._missed.set()
        self.join()

    def run(self) -> None:
        self._missed.wait()
        if not self._stopping.is_set():
            try:
                self._ring()
            except RefusedByApiError as refused:
                log.warning("ring_back_not_seen", reason=str(refused))
        self.over.set()

    def _ring(self) -> None:
        name = self._patient.name
        self._say(f"{name} 看到未接来电，用手机打回医院 · saw the missed call and rings the hospital from the mobile")
        began = datetime.now(UTC)
        told = self._call()
        if self._stopping.is_set():
            return
        if told is None or told["seconds"] is None:
            self._say(f"{name}: 无人接听 · nobody took the call" + (f" (SIP {told['status']})" if told else ""))
            return
        inbound = self._seen(began)
        keys = "".join(key for _, key in self._script.keys)
        self._say(
            f"{name} 听到问候和录音告知，按 {keys} 键，{told['seconds']:.0f} 秒后挂机 · heard greeting and recording "
            f"notice, pressed {keys}; {told['by']} hung up after {told['seconds']:.0f} s"
        )
        if inbound is None or inbound["task_id"] is None:
            self._say(f"{name}: 没有生成回拨任务 · no call-back task came of it")
            return
        task = self._client.get(f"/tasks/{inbound['task_id']}")
        queues = {queue["id"]: queue["name"] for queue in self._client.get("/queues")["queues"]}
        self._say(
            f"{name} 的回拨任务已进入队列 {queues[task['queue_id']]} · the wish to be rung back is a task in queue "
            f"{queues[task['queue_id']]}: {task['state']}, priority {task['priority']}"
        )

    def _call(self) -> dict[str, Any] | None:
        command = [sys.executable, "-m", "suifang.demo.caller", "--number", self._patient.mobile or ""]
        command += ["--target", self._place.hospital_line, "--port", str(self._place.caller_port)]
        for second, key in self._script.keys:
            command += ["--key", f"{second}:{key}"]
        with (self._place.settings.logs_dir / "caller.log").open("ab") as complaints:
            caller = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=complaints,
                cwd=Path(__file__).parents[2],
                start_new_session=True,
                text=True,
            )
        deadline = datetime.now(UTC).timestamp() + CALL_SECONDS
        while caller.poll() is None:
            if self._stopping.wait(LOOK_SECONDS) or datetime.now(UTC).timestamp() > deadline:
                caller.terminate()
                break
        try:
            out, _ = caller.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            caller.kill()
            out, _ = caller.communicate()
        told: dict[str, Any] | None = json.loads(out.splitlines()[-1]) if out.strip() else None
        return told

    def _seen(self, began: datetime) -> dict[str, Any] | None:
        """What the hospital noted of her call: the newest caller since then, once she is gone from its line."""
        rows = self._client.get("/inbound-calls?limit=5")["inbound_calls"]
        mine = [row for row in rows if row["origin"] == "rang_us" and datetime.fromisoformat(row["rang_at"]) >= began]
        return mine[0] if mine else None
