// In which order agents stand: whoever needs a look first, then who is at work, then by age. While somebody points at the
// table the order stays, so that no row slips away under a click.
import type { WallAgent } from "./useWall";

const RANK: Record<WallAgent["state"], number> = {
  on_call: 1,
  wrap_up: 2,
  reserved: 3,
  available: 4,
  training: 5,
  break: 6,
  offline: 7,
};

/** Whether the wrap-up has lasted longer than its queue wants. */
export function overLimit(agent: WallAgent, now: number): boolean {
  return agent.wrap_up_limit_at !== null && Date.parse(agent.wrap_up_limit_at) <= now;
}

export function needsALook(agent: WallAgent, now: number): boolean {
  return agent.stuck !== null || overLimit(agent, now);
}

export function ordered(agents: readonly WallAgent[], now: number): WallAgent[] {
  const rank = (agent: WallAgent) => (needsALook(agent, now) ? 0 : RANK[agent.state]);
  return [...agents].sort(
    (one, two) => rank(one) - rank(two) || Date.parse(one.since) - Date.parse(two.since) || (one.agent_id < two.agent_id ? -1 : 1),
  );
}

/** The rows in the order in which they stood; who is new stands last, who is gone is left out. */
export function asTheyStood(agents: readonly WallAgent[], before: readonly string[]): WallAgent[] {
  const place = new Map(before.map((id, index) => [id, index]));
  const last = before.length;
  return [...agents].sort((one, two) => (place.get(one.agent_id) ?? last) - (place.get(two.agent_id) ?? last));
}
