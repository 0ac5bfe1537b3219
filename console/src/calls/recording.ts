// What the red dot says: whether this call is being recorded, and if not, why.
import type { Shape } from "@/api/client";

export type RecordingShown = "waiting" | "recording" | "paused" | "refused" | "unwanted" | "failed" | "kept";

type Told = Pick<Shape["CallAnswer"], "recorded" | "recording" | "recording_paused" | "recording_consent">;

/** Null where there is nothing to say yet. */
export function recordingShown(call: Told): RecordingShown | null {
  if (!call.recorded) return "unwanted";
  switch (call.recording) {
    case null:
    case "expected":
      return "waiting";
    case "recording":
      return call.recording_paused ? "paused" : "recording";
    case "failed":
      return call.recording_consent?.granted === false ? "refused" : "failed";
    case "expired":
      return null;
    default:
      return "kept";
  }
}
