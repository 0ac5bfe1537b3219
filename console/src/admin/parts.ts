// The parts of administration: each has an address below /admin, who may open it, and its page, loaded when it is first opened.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Role } from "@/api/me";

export interface Part {
  /** The address: /admin/users. Its name and what it is for are admin:parts.<id>. */
  id:
    | "users"
    | "skills"
    | "log_ins"
    | "queues"
    | "calendar"
    | "windows"
    | "duty"
    | "trunks"
    | "retention"
    | "holds"
    | "audit"
    | "health"
    | "imports"
    | "templates"
    | "forms"
    | "flows"
    | "feeds"
    | "messages";
  group: "people" | "calling" | "content" | "keeping";
  roles: readonly Role[];
  page: LazyExoticComponent<ComponentType>;
}

export const GROUPS: readonly Part["group"][] = ["people", "calling", "content", "keeping"];

export const PARTS: readonly Part[] = [
  { id: "users", group: "people", roles: ["admin"], page: lazy(() => import("./house/users")) },
  { id: "skills", group: "people", roles: ["supervisor", "admin"], page: lazy(() => import("./house/skills")) },
  { id: "log_ins", group: "people", roles: ["admin"], page: lazy(() => import("./house/log_ins")) },
  { id: "queues", group: "calling", roles: ["supervisor", "admin"], page: lazy(() => import("./house/queues")) },
  { id: "calendar", group: "calling", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./house/calendar")) },
  { id: "windows", group: "calling", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./house/windows")) },
  { id: "duty", group: "calling", roles: ["supervisor", "admin"], page: lazy(() => import("./house/duty")) },
  { id: "trunks", group: "calling", roles: ["supervisor", "admin"], page: lazy(() => import("./house/trunks")) },
  { id: "imports", group: "content", roles: ["registrar", "supervisor"], page: lazy(() => import("./content/imports")) },
  { id: "templates", group: "content", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./content/templates")) },
  { id: "forms", group: "content", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./content/forms")) },
  { id: "flows", group: "content", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./content/flows")) },
  { id: "messages", group: "content", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./content/messages")) },
  { id: "feeds", group: "content", roles: ["supervisor", "admin", "registrar"], page: lazy(() => import("./content/feeds")) },
  { id: "retention", group: "keeping", roles: ["supervisor", "admin"], page: lazy(() => import("./house/retention")) },
  { id: "holds", group: "keeping", roles: ["supervisor", "admin"], page: lazy(() => import("./house/holds")) },
  { id: "audit", group: "keeping", roles: ["admin"], page: lazy(() => import("./house/audit")) },
  { id: "health", group: "keeping", roles: ["supervisor", "admin"], page: lazy(() => import("./house/health")) },
];

export function partsFor(roles: readonly Role[]): readonly Part[] {
  return PARTS.filter((part) => part.roles.some((role) => roles.includes(role)));
}
