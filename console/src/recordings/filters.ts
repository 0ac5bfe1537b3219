// What narrows the list of recordings: kept in the page's address, so that going back finds it again. Never what is searched for.
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Shape } from "@/api/client";
import { zoneName } from "@/shown/instants";
import { dayBegins } from "./days";

export type Outcome = NonNullable<Shape["RecordedCallAnswer"]["outcome"]>;
export type Level = Shape["RecordedCallAnswer"]["alert_levels"][number];

export interface Filters {
  from?: string;
  to?: string;
  departments?: string[];
  queues?: string[];
  agents?: string[];
  outcomes?: Outcome[];
  alerts?: Level[];
  /** In minutes. */
  shortest?: number;
  longest?: number;
  least_score?: number;
  most_score?: number;
  gap?: boolean;
  commented?: boolean;
}

export function useFilters(): [Filters, (changed: Partial<Filters>) => void, () => void] {
  const filters = useSearch({ strict: false }) as Filters;
  const go = useNavigate();
  const to = (search: Filters) => void go({ to: "/recordings", search: search as never, replace: true });
  return [filters, (changed) => to(withoutEmpty({ ...filters, ...changed })), () => to({})];
}

function withoutEmpty(filters: Filters): Filters {
  return Object.fromEntries(
    Object.entries(filters).filter(([, value]) => value !== undefined && value !== null && value !== false && !(Array.isArray(value) && !value.length)),
  ) as Filters;
}

/** As the list of calls asks for them. */
export function ofCalls(filters: Filters) {
  return {
    department: filters.departments,
    queue_id: filters.queues,
    agent_id: filters.agents,
    outcome: filters.outcomes,
    alert: filters.alerts,
    ...ofTime(filters),
    least_score: filters.least_score,
    most_score: filters.most_score,
    gap: filters.gap,
    commented: filters.commented,
  };
}

/** As the search over what was said asks for them; it knows no scores, comments and gaps. */
export function ofTurns(filters: Filters) {
  return {
    departments: filters.departments ?? [],
    queue_ids: filters.queues ?? [],
    agent_ids: filters.agents ?? [],
    outcomes: filters.outcomes ?? [],
    alert_levels: filters.alerts ?? [],
    purposes: [],
    limit: 50,
    ...ofTime(filters),
  };
}

function ofTime({ from, to, shortest, longest }: Filters) {
  return {
    since: from && dayBegins(from, zoneName()),
    until: to && dayBegins(to, zoneName(), 1),
    shortest_seconds: shortest === undefined ? undefined : shortest * 60,
    longest_seconds: longest === undefined ? undefined : longest * 60,
  };
}
