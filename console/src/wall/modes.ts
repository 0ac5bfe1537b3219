// The four ways of being on somebody else's call, from the quietest on.
import type { Shape } from "@/api/client";

export type Mode = Shape["SupervisionAsk"]["mode"];

export const MODES: readonly Mode[] = ["listen", "whisper", "barge", "take_over"];
