import { describe, expect, it } from "vitest";
import type { Shape } from "@/api/client";
import { recordingShown } from "./recording";

type Told = Parameters<typeof recordingShown>[0];
const told = (over: Partial<Shape["CallAnswer"]>) =>
  ({ recorded: true, recording: "recording", recording_paused: false, recording_consent: null, ...over }) as Told;

describe("what the red dot says", () => {
  it.each([
    [told({}), "recording"],
    [told({ recording: null }), "waiting"],
    [told({ recording: "expected" }), "waiting"],
    [told({ recording_paused: true }), "paused"],
    [told({ recorded: false }), "unwanted"],
    [told({ recording: "failed" }), "failed"],
    [told({ recording: "failed", recording_consent: { granted: false, at_second: 3 } }), "refused"],
    [told({ recording: "captured" }), "kept"],
  ] as const)("%o is %s", (call, shown) => expect(recordingShown(call)).toBe(shown));
});
