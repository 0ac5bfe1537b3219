"""A scripted agent: puts her headset on, talks as the script says, wraps up and signs, all through the HTTP API."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from followup.calls import CallState
from followup.outcomes import AttemptOutcome
from suifang.demo.client import ApiClient, RefusedByApiError
from suifang.demo.headset_process import HeadsetProcess
from suifang.demo.hospital import AgentScript, DemoAgent, ScriptedFollowUp

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.3
NOTES_SECONDS = 1.0  # between two looks at the notes that wait for a signature
HEARTBEAT_SECONDS = 4.0
BROKEN_OFF = AgentScript(outcome=AttemptOutcome.CALLER_ABANDONED)
TALKING = frozenset({CallState.BRIDGED.value, CallState.HELD.value})


class ScriptedAgent(threading.Thread):
    """One agent. `script_of` gives a follow-up's script by its task; `may_sign` says whether a note is complete."""

    def __init__(
        self,
        agent: DemoAgent,
        *,
        client: ApiClient,
        password: str,
        headsets: HeadsetProcess,
        scripts: Mapping[str, ScriptedFollowUp],
        may_sign: Callable[[str], bool],
    ) -> None:
        super().__init__(name=f"agent-{agent.login}", daemon=True)
        self._agent = agent
        self._client = client
        self._password = password
        self._headsets = headsets
        self._scripts = scripts
        self._may_sign = may_sign
        self._stopping = threading.Event()
        self._spoken: set[str] = set()  # attempts in which the script has begun
        self._bridged_at: dict[str, float] = {}
        self._hung_up: set[str] = set()
        self._last_heartbeat = 0.0
        self._last_notes = 0.0

    def stop(self) -> None:
        """Go home after the present look; `join` waits until the headset is off."""
        self._stopping.set()

    def run(self) -> None:
        self._client.log_in(self._agent.login, self._password)
        self._client.post("/agents/me/headset", {"headset": self._headsets.address(self._agent.login)})
        self._client.post("/agents/me/state", {"state": "available"})
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self._look()
            except RefusedByApiError as refused:
                # The world moved between the look and the act (the patient hung up, a process was killed): look again.
                log.info("scripted_agent_refused", agent=self._agent.login, reason=str(refused))
        self._go_home()
        self._client.close()

    def _go_home(self) -> None:
        try:
            self._client.post("/agents/me/state", {"state": "offline"})
            self._client.delete("/agents/me/headset")
        except RefusedByApiError as refused:
            log.info("scripted_agent_in_a_call", agent=self._agent.login, reason=str(refused))

    def _look(self) -> None:
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_SECONDS:
            self._client.post("/agents/me/heartbeat")
            self._last_heartbeat = time.monotonic()
        hand = self._client.get("/agents/me/call")
        if hand["attempt"] is None:
            self._sign_what_is_ready()
            return
        attempt, call = hand["attempt"], hand["call"]
        script = self._scripts.get(hand["task"]["id"])
        part = script.agent if script and script.agent else BROKEN_OFF
        if attempt["state"] == "wrap_up":
            self._wrap_up(attempt, call, script, part)
        elif call and call["state"] in TALKING:
            self._talk(attempt["id"], call["id"], hand["patient"]["language"], part)

    def _talk(self, attempt_id: str, call_id: str, language: str, part: AgentScript) -> None:
        if attempt_id not in self._spoken:
            self._spoken.add(attempt_id)
            self._bridged_at[attempt_id] = time.monotonic()
            self._headsets.say(self._agent.login, [f"{language}_agent_{line}.wav" for line in part.says])
            if part.result is not None:
                self._client.post(
                    f"/attempts/{attempt_id}/identity", {"person": "patient", "identifiers": ["name", "born"]}
                )
        limit = part.hangs_up_after
        if limit is not None and attempt_id not in self._hung_up and self._elapsed(attempt_id) > limit:
            self._hung_up.add(attempt_id)
            self._client.post(f"/calls/{call_id}/commands", {"verb": "hang_up"})

    def _elapsed(self, attempt_id: str) -> float:
        return time.monotonic() - self._bridged_at[attempt_id]

    def _wrap_up(
        self,
        attempt: Mapping[str, Any],
        call: Mapping[str, Any] | None,
        script: ScriptedFollowUp | None,
        part: AgentScript,
    ) -> None:
        self._headsets.hush(self._agent.login)
        lost = call is None or call["end_reason"] == "worker_lost" or call["bridged_at"] is None
        if lost:
            part = BROKEN_OFF
        elif script is not None and part.result is not None:
            for item, value in script.answers.items():
                self._client.put(f"/attempts/{attempt['id']}/answers/{item}", {"value": value})
        body: dict[str, Any] = {"outcome": part.outcome.value}
        if part.result is not None:
            body["task_result"] = part.result.value
        self._client.post(f"/attempts/{attempt['id']}/wrap-up", body, key=f"wrap-up:{attempt['id']}")

    def _sign_what_is_ready(self) -> None:
        if time.monotonic() - self._last_notes < NOTES_SECONDS:
            return
        self._last_notes = time.monotonic()
        for note in self._client.get("/agents/me/notes")["notes"]:
            if not self._may_sign(note["attempt_id"]):
                continue
            for proposal in note["proposals"]:
                if proposal["state"] == "proposed":
                    self._client.post(f"/notes/{note['id']}/proposals/{proposal['id']}/accept")
            self._client.post(f"/notes/{note['id']}/sign", key=f"sign:{note['id']}")
