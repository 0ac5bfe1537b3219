// The agent's desk: her state, which the server owns; its heartbeat; what she asks for.
import { useEffect } from "react";
import { $api, api, queries, type Shape } from "@/api/client";
import { useHasRole, useMe } from "@/api/me";
import { useLive } from "@/live/useLive";
import { leading } from "./leader";

export type Desk = Shape["DeskAnswer"];
export type Asked = Shape["StateAsk"]["state"];

const DESK = ["get", "/api/v1/agents/me/state"] as const;
const BEAT_MS = 4000; // the server gives no call after 15 s without

/** Her desk; undefined for somebody without one, and until the server was heard. */
export function useDesk() {
  const agent = useHasRole("agent");
  return $api.useQuery("get", "/api/v1/agents/me/state", undefined, { enabled: agent, retry: false });
}

/** What the server said of the desk, for all who show it. */
export function learnDesk(desk: Desk): void {
  queries.setQueriesData({ queryKey: DESK }, desk);
}

/** Ask for a state; during a call the server keeps the wish until the wrap-up ends. */
export function useAskForState() {
  return $api.useMutation("post", "/api/v1/agents/me/state", { onSuccess: learnDesk });
}

/** Say that the console is open, from the leading tab alone; mounted once. */
export function useHeartbeat(): void {
  const agent = useHasRole("agent");
  const me = useMe();
  const leads = leading((state) => state.leads);
  useLive((event) => {
    if (event.kind === "agent_changed" && event.ids["subject"] === me.data?.user_id) void queries.refetchQueries({ queryKey: DESK });
  });
  useEffect(() => {
    if (!agent || !leads) return undefined;
    // A page in the background is given its own timers once a minute; a worker's go on.
    const clock = new Worker(new URL("./clock_worker.ts", import.meta.url), { type: "module" });
    const beat = () => {
      api.POST("/api/v1/agents/me/heartbeat", {}).then(
        ({ data }) => data && learnDesk(data),
        () => undefined, // the line's state says that the server is not heard; the next beat is in 4 s
      );
    };
    clock.onmessage = beat;
    clock.postMessage(BEAT_MS);
    beat();
    return () => clock.terminate();
  }, [agent, leads]);
}
