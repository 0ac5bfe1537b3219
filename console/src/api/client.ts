// The typed client of our own API. Paths, bodies and answers come from its contract (schema.d.ts is generated, not written).
import createFetchClient, { type Middleware } from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import { QueryClient } from "@tanstack/react-query";
import { Problem } from "./problem";
import type { components, paths } from "./schema";
import { logInEnded } from "./log_in_ended";
import { learn } from "@/live/server_clock";

/** The answers and bodies of the contract: `Shape["TaskAnswer"]`. */
export type Shape = components["schemas"];

const commanded: Middleware = {
  onRequest({ request }) {
    // A repeated request that carries its own key is done once; one without gets a key of its own.
    if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    return request;
  },
};

const failing: Middleware = {
  async onResponse({ request, response }) {
    learn(response.headers.get("Date"));
    if (response.ok) return undefined;
    const problem = await Problem.of(response);
    if (problem.code === "not_logged_in" && !request.url.endsWith("/log-ins")) logInEnded.getState().end();
    throw problem;
  },
  onError() {
    throw Problem.noNetwork();
  },
};

export const api = createFetchClient<paths>({ baseUrl: "/" , credentials: "same-origin" });
api.use(commanded, failing);

/** Queries and mutations: `$api.useQuery("get", "/api/v1/tasks", {params: {query: {...}}})`. Live events make them fetch anew. */
export const $api = createQueryClient(api);

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // What was refused stays refused; what the network lost is asked once more.
      retry: (count, error) => count < 2 && error instanceof Problem && (error.code === "no_network" || error.status >= 502),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});
