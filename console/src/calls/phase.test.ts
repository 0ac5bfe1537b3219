import { describe, expect, it } from "vitest";
import type { Shape } from "@/api/client";
import { phaseOf } from "./phase";

const attempt = (over: Partial<Shape["AttemptAnswer"]>) => ({ state: "in_call", preview_until: null, ...over }) as Shape["AttemptAnswer"];
const call = (state: Shape["CallAnswer"]["state"]) => ({ state }) as Shape["CallAnswer"];

describe("the phase of what the agent has in hand", () => {
  it.each([
    [undefined, "none"],
    [{ attempt: null, call: null }, "none"],
    [{ attempt: null, call: call("bridged") }, "consulted"],
    [{ attempt: attempt({ state: "reserved", preview_until: "2026-11-22T10:00:00Z" }), call: null }, "preview"],
    [{ attempt: attempt({ state: "reserved" }), call: null }, "dialing"],
    [{ attempt: attempt({}), call: call("ringing") }, "ringing"],
    [{ attempt: attempt({}), call: call("answered") }, "talking"],
    [{ attempt: attempt({}), call: call("bridged") }, "talking"],
    [{ attempt: attempt({}), call: call("held") }, "held"],
    [{ attempt: attempt({}), call: call("ended") }, "ending"],
    [{ attempt: attempt({ state: "wrap_up" }), call: call("ended") }, "wrap_up"],
  ] as const)("%o is %s", (own, phase) => expect(phaseOf(own)).toBe(phase));
});
