// The wall's one answer: fetched when something happened, once a second at most, and every few seconds anyway, since ages
// and silences come about without an event.
import { useEffect, useRef, useState } from "react";
import { $api, type Shape } from "@/api/client";
import { useLive } from "@/live/useLive";

export type Wall = Shape["WallAnswer"];
export type WallAgent = Shape["WallAgent"];
export type WallCall = Shape["WallCall"];
export type WallQueue = Shape["WallQueue"];

const AT_MOST_EVERY_MS = 1000;
const AT_LEAST_EVERY_MS = 3000;
const STALE_MS = 5000;

const MOVES_THE_WALL = new Set([
  "agent_changed", "attempt_closed", "attempt_reserved", "call_changed", "call_ended", "help_changed", "inbound_changed",
  "pacing_alarm", "preview_expired", "queue_changed", "supervision_changed", "task_queued",
]);

export function useWall() {
  const query = $api.useQuery("get", "/api/v1/wall", undefined, { staleTime: AT_MOST_EVERY_MS, retry: false });
  const { refetch, isFetching, dataUpdatedAt, errorUpdatedAt } = query;
  const moved = useRef(false);
  const fetching = useRef(false);
  const asked = useRef(0);
  useEffect(() => {
    fetching.current = isFetching;
  });
  useLive((event) => {
    if (MOVES_THE_WALL.has(event.kind)) moved.current = true;
  });
  useEffect(() => {
    const timer = setInterval(() => {
      const age = Date.now() - asked.current;
      if (document.hidden || fetching.current || !(moved.current || age >= AT_LEAST_EVERY_MS)) return;
      moved.current = false;
      asked.current = Date.now();
      void refetch();
    }, AT_MOST_EVERY_MS);
    return () => clearInterval(timer);
  }, [refetch]);
  return { query, stale: useStale(dataUpdatedAt, errorUpdatedAt) };
}

/** Whether what is shown is too old to be trusted. */
function useStale(dataUpdatedAt: number, errorUpdatedAt: number): boolean {
  const [stale, setStale] = useState(false);
  useEffect(() => {
    const look = () => setStale(dataUpdatedAt > 0 && Date.now() - dataUpdatedAt > STALE_MS);
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [dataUpdatedAt, errorUpdatedAt]);
  return stale;
}
