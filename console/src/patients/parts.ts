// The parts of a record and what shows each.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Shape } from "@/api/client";
import type { Role } from "@/api/me";

export interface PartProps {
  patientId: string;
  record: Shape["RecordAnswer"];
}

export interface Part {
  id: "now" | "timeline" | "follow_ups" | "results" | "medicines" | "tags" | "goals" | "plans" | "consents" | "people" | "summaries" | "looks";
  show: LazyExoticComponent<ComponentType<PartProps>>;
  /** Who may open it; without it everybody who may open the record. */
  roles?: readonly Role[];
}

export const PARTS: readonly Part[] = [
  { id: "now", show: lazy(() => import("./Now")) },
  { id: "timeline", show: lazy(() => import("./Timeline")) },
  { id: "follow_ups", show: lazy(() => import("./FollowUps")) },
  { id: "results", show: lazy(() => import("./Results")) },
  { id: "medicines", show: lazy(() => import("./Medicines")) },
  { id: "tags", show: lazy(() => import("./TagsAndRisks")) },
  { id: "goals", show: lazy(() => import("./GoalsAndAdvice")) },
  { id: "plans", show: lazy(() => import("./Plans")) },
  { id: "consents", show: lazy(() => import("./Consents")) },
  { id: "people", show: lazy(() => import("./People")) },
  { id: "summaries", show: lazy(() => import("./Summaries")) },
  { id: "looks", show: lazy(() => import("./Looks")), roles: ["supervisor", "admin"] },
];
