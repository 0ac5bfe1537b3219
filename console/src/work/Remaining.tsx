// How long until an instant, counting down by the server's clock.
import { useEffect, useState } from "react";
import { serverNow } from "@/live/server_clock";
import { span } from "@/shown/instants";

/** Whole seconds until then; negative once it is past. */
export function useSecondsUntil(until: string | null): number | null {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    if (until === null) return undefined;
    setNow(serverNow());
    const timer = setInterval(() => setNow(serverNow()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return until === null ? null : Math.ceil((Date.parse(until) - now) / 1000);
}

export function Remaining({ until }: { until: string }) {
  const left = useSecondsUntil(until) ?? 0;
  return <time dateTime={until}>{span(left)}</time>;
}
