// Keeps the live stream open while somebody is logged in, and what the pages show fresh by it.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { connect, disconnect } from "@/live/connection";
import { keepFresh } from "@/live/freshness";

export function LiveLink({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  useEffect(() => {
    connect();
    const stop = keepFresh(queries);
    return () => {
      stop();
      disconnect();
    };
  }, [queries]);
  return children;
}
