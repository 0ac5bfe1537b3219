// What is asked of the live call. A command is a wish that the server took; that it came true is seen on the call.
import { App } from "antd";
import { $api, type Shape } from "@/api/client";
import { inWords, Problem } from "@/api/problem";
import { lookAtCall } from "./call";

export type Verb = Shape["Verb"];

const TRIES = 6;

/** Ask the call for something; refusals are said in a toast. */
export function useCallCommand() {
  const told = useTold();
  return $api.useMutation("post", "/api/v1/calls/{call_id}/commands", {
    onError: told,
    onSettled: () => void lookAtCall(),
    // Each carries a key of its own, so that asking once more asks for the same thing.
    retry: (count, problem) => count < TRIES && problem instanceof Problem && problem.status === 0,
    retryDelay: (count) => Math.min(500 * 2 ** count, 4000),
  });
}

/** What goes with a command to this call. */
export function commandTo(callId: string, verb: Verb, digits?: string) {
  return {
    params: { path: { call_id: callId }, header: { "Idempotency-Key": crypto.randomUUID() } },
    body: digits === undefined ? { verb } : { verb, digits },
  };
}

/** Say a failure in a toast. */
export function useTold(): (thrown: unknown) => void {
  const { message } = App.useApp();
  return (thrown) => {
    const { title, detail } = inWords(thrown);
    void message.error(detail ? `${title}: ${detail}` : title);
  };
}
