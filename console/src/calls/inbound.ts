// The caller who is offered to this agent, or with whom she talks before it is a call of a task.
import { $api, queries, type Shape } from "@/api/client";
import { useHasRole, useMe } from "@/api/me";
import { useLive } from "@/live/useLive";
import { useDesk } from "./desk";

export type Caller = Shape["InboundAnswer"];

const LIVE = { params: { query: { live: true } } } as const;

/** Offered to her, connected with her, or gone and waiting for her note. */
export function useOwnCaller(): Caller | null {
  const agent = useHasRole("agent");
  const me = useMe().data?.user_id;
  const busy = useDesk().data?.state;
  const live = $api.useQuery("get", "/api/v1/inbound-calls", LIVE, { enabled: agent }).data?.inbound_calls ?? [];
  const recent =
    $api.useQuery("get", "/api/v1/inbound-calls", undefined, { enabled: agent && busy === "wrap_up" }).data?.inbound_calls ?? [];
  const hers = (each: Caller) => each.agent_id === me && each.call_id === null;
  const now = live.find((each) => hers(each) && each.state !== "ended");
  if (now) return now;
  if (busy !== "wrap_up") return null;
  return recent.find((each) => hers(each) && each.state === "ended" && each.connected_at !== null && each.wrapped_up_at === null) ?? null;
}

/** Look at callers without the pause that other answers wait. */
export function useInboundAtOnce(): void {
  useLive((event) => {
    if (event.kind !== "inbound_changed") return;
    void queries.refetchQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/inbound-calls") });
  });
}
