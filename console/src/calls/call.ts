// What the agent has in hand: the live attempt and call, as the server says. Everybody who shows something of a call reads it here.
import { $api, queries, type Shape } from "@/api/client";
import { useHasRole, useMe } from "@/api/me";
import { link, type LiveEvent } from "@/live/connection";
import { useLive } from "@/live/useLive";
import { phaseOf, type Phase } from "./phase";

export type OwnCall = Shape["OwnCallAnswer"];
export type Call = Shape["CallAnswer"];

export const OWN_CALL = ["get", "/api/v1/agents/me/call"] as const;

const LOOK_MS = 5000; // while something is in hand and the live stream is not there to tell

/** The live attempt and call, its patient, and where all of it is; `own` is undefined until the server was heard. */
export function useCall() {
  const agent = useHasRole("agent");
  const heard = link((state) => state.state === "live");
  const query = $api.useQuery("get", "/api/v1/agents/me/call", undefined, {
    enabled: agent,
    refetchInterval: ({ state }) => (heard || phaseOf(state.data) === "none" ? false : LOOK_MS),
  });
  const own = query.data;
  return {
    own,
    attempt: own?.attempt ?? null,
    call: own?.call ?? null,
    patient: own?.patient ?? null,
    task: own?.task ?? null,
    phase: phaseOf(own),
    query,
  };
}

/** Look again now; what changed is on every page that shows it. */
export function lookAtCall(): Promise<void> {
  return queries.refetchQueries({ queryKey: OWN_CALL });
}

const TELLING = new Set(["call_changed", "call_ended", "attempt_reserved", "attempt_closed", "preview_expired", "alert_raised"]);

/** Follow the caller's own calls without the pause that other answers wait; mounted once, by the call bar. */
export function useCallAtOnce(): void {
  const me = useMe();
  const { own } = useCall();
  useLive((event) => {
    if (TELLING.has(event.kind) && isMine(event, me.data?.user_id, own)) void lookAtCall();
  });
}

/** Whether an event is about this agent, or about what she has in hand. */
export function isMine(event: LiveEvent, me: string | undefined, own: OwnCall | undefined): boolean {
  const named = Object.values(event.ids);
  return [me, own?.attempt?.id, own?.call?.id].some((id) => id !== undefined && named.includes(id));
}

/** Phases in which somebody can be on the line. */
export const IN_CALL: ReadonlySet<Phase> = new Set<Phase>(["dialing", "ringing", "talking", "held"]);
