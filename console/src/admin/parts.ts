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

export const PARTS: readonly Part[] = [];

export function partsFor(roles: readonly Role[]): readonly Part[] {
  return PARTS.filter((part) => part.roles.some((role) => roles.includes(role)));
}
