// After a command of ours everything of quality that is shown is fetched anew.
import type { QueryClient } from "@tanstack/react-query";

export function stale(queries: QueryClient): Promise<void> {
  return queries.invalidateQueries({
    predicate: ({ queryKey }) => typeof queryKey[1] === "string" && queryKey[1].startsWith("/api/v1/quality"),
  });
}
