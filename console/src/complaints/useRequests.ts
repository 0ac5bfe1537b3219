// Requests by pages, and the words for their kinds, causes and states.
import { useInfiniteQuery } from "@tanstack/react-query";
import { $api, api } from "@/api/client";

export interface Wanted {
  state: "open" | "all";
  overdue: boolean;
}

const PAGE = 100;

export function useRequests(wanted: Wanted) {
  return useInfiniteQuery({
    queryKey: ["get", "/api/v1/requests", wanted],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const { data } = await api.GET("/api/v1/requests", { params: { query: { ...wanted, limit: PAGE, after: pageParam } }, signal });
      return data!;
    },
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

export function useRequestWords() {
  return $api.useQuery("get", "/api/v1/request-causes", undefined, { staleTime: Infinity });
}
