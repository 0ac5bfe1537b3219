// The board's columns: states of the request machine, two of them where a column is one stretch of work.
import type { Shape } from "@/api/client";

export type PatientRequest = Shape["RequestAnswer"];
export type State = PatientRequest["state"];
export type Step = PatientRequest["steps"][number];

export const COLUMNS = [
  { key: "new", states: ["received", "accepted"] },
  { key: "assigned", states: ["assigned"] },
  { key: "investigating", states: ["investigating", "decided"] },
  { key: "replied", states: ["replied", "verified"] },
  { key: "closed", states: ["closed"] },
] as const satisfies readonly { key: string; states: readonly State[] }[];
