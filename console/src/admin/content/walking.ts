// Where a walk through a flow stands: the same rules as the call's, without tries (silence goes on at once).
import type { Shape } from "@/api/client";

type Flow = Pick<Shape["FlowAnswer"], "start" | "steps">;

export const PERSON_KEY = "0";

export interface Walk {
  at: string;
  /** The steps that were said, each with what was done there; the last one still waits. */
  path: { step: string; pressed: string }[];
  person: boolean;
}

export function start(flow: Flow): Walk {
  return { at: flow.start, path: [{ step: flow.start, pressed: "" }], person: false };
}

/** The walk after a key, an `entry` of a good number, or `silence`; what leads nowhere leaves it as it is. */
export function walked(flow: Flow, walk: Walk, pressed: string): Walk {
  const step = flow.steps.find((one) => one.key === walk.at);
  if (!step || step.ending || walk.person) return walk;
  const done = [...walk.path.slice(0, -1), { step: walk.at, pressed }];
  if (pressed === PERSON_KEY) return { at: walk.at, path: done, person: true };
  const next = pressed === "silence" ? step.otherwise : pressed === "entry" ? step.entry?.then : step.keys[pressed];
  return next ? { at: next, path: [...done, { step: next, pressed: "" }], person: false } : walk;
}
