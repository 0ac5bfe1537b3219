import { describe, expect, it } from "vitest";
import { asTheyStood, ordered } from "./order";
import type { WallAgent } from "./useWall";

const NOW = Date.parse("2026-11-22T10:00:00Z");

function agent(agent_id: string, more: Partial<WallAgent> = {}): WallAgent {
  return {
    agent_id,
    name: agent_id,
    state: "available",
    since: "2026-11-22T09:59:00Z",
    reason: "",
    wanted_state: null,
    headset: "up",
    ready: true,
    stuck: null,
    wrap_up_limit_at: null,
    attempt_id: null,
    task_id: null,
    call_id: null,
    queue_id: null,
    previews: false,
    queues: [],
    languages: [],
    dialects: [],
    skills: [],
    ...more,
  };
}

describe("the order of agents", () => {
  it("puts first whoever needs a look, then who talks, then by age", () => {
    const rows = [
      agent("ready"),
      agent("older", { since: "2026-11-22T09:00:00Z" }),
      agent("talks", { state: "on_call" }),
      agent("over", { state: "wrap_up", wrap_up_limit_at: "2026-11-22T09:59:59Z" }),
      agent("writes", { state: "wrap_up", wrap_up_limit_at: "2026-11-22T10:00:30Z" }),
      agent("stuck", { stuck: "not_heard", since: "2026-11-22T09:59:30Z" }),
      agent("gone", { state: "offline" }),
    ];
    expect(ordered(rows, NOW).map((row) => row.agent_id)).toEqual(["over", "stuck", "talks", "writes", "older", "ready", "gone"]);
  });

  it("is kept while somebody points at it: the new stand last, the gone are left out", () => {
    const rows = [agent("new"), agent("b"), agent("a")];
    expect(asTheyStood(rows, ["a", "left", "b"]).map((row) => row.agent_id)).toEqual(["a", "b", "new"]);
  });
});
