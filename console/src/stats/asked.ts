// What the page is asked for: days, how figures are told apart, what they are narrowed down to. Kept in the page's address.
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Shape } from "@/api/client";
import { serverNow } from "@/live/server_clock";
import { zoneName } from "@/shown/instants";

export type By = Shape["By"];
export const BYS = ["department", "queue", "agent", "plan", "day", "week", "month"] as const satisfies readonly By[];
export type Apart = (typeof BYS)[number];

export interface Search {
  first?: string;
  last?: string;
  by?: Apart;
  of?: string;
  department?: string;
  queue?: string;
  agent?: string;
  plan?: string;
  live?: boolean;
  table?: boolean;
}

export interface Asked extends Search {
  first: string;
  last: string;
  by: Apart;
  of: string;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOST_DAYS = 92;

/** The address with what is missing or makes no sense filled in: this month up to today, by department. */
export function askedOf(search: Search, today: string): Asked {
  const [first, last] = [search.first, search.last];
  const whole = first !== undefined && last !== undefined && DAY.test(first) && DAY.test(last) && first <= last;
  const period = whole ? { first, last } : { first: `${today.slice(0, 8)}01`, last: today };
  const by = BYS.find((each) => each === search.by) ?? "department";
  return {
    ...search,
    ...period,
    // Too many days to tell apart: weeks are.
    by: by === "day" && daysBetween(period.first, period.last) > MOST_DAYS ? "week" : by,
    of: search.of ?? "completion",
  };
}

export function daysBetween(first: string, last: string): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / 86_400_000);
}

/** The months as they are usually asked for, from a day of the hospital. */
export function usualPeriods(today: string): { name: "this_month" | "last_month" | "three_months" | "this_year" | "thirty_days"; first: string; last: string }[] {
  const [year, month] = [Number(today.slice(0, 4)), Number(today.slice(5, 7))];
  return [
    { name: "this_month", first: dayOf(year, month, 1), last: today },
    { name: "last_month", first: dayOf(year, month - 1, 1), last: dayOf(year, month, 0) },
    { name: "thirty_days", first: new Date(Date.parse(today) - 29 * 86_400_000).toISOString().slice(0, 10), last: today },
    { name: "three_months", first: dayOf(year, month - 3, 1), last: dayOf(year, month, 0) },
    { name: "this_year", first: dayOf(year, 1, 1), last: today },
  ];
}

function dayOf(year: number, month: number, day: number): string {
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);
}

/** The day it is in the hospital. */
export function hospitalToday(): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zoneName() }).format(new Date(serverNow()));
}

/** As the API is asked, without how figures are told apart. */
export function queryOf(asked: Asked) {
  return {
    first: asked.first,
    last: asked.last,
    department: asked.department,
    queue_id: asked.queue,
    agent_id: asked.agent,
    plan: asked.plan,
  };
}

/** As the API is asked for one row of a comparison: one department, one week of the period. */
export function rowQueryOf(asked: Asked, key: string): ReturnType<typeof queryOf> {
  const query = queryOf(asked);
  switch (asked.by) {
    case "department":
      return { ...query, department: key };
    case "queue":
      return { ...query, queue_id: key };
    case "agent":
      return { ...query, agent_id: key };
    case "plan":
      return { ...query, plan: key };
    case "day":
      return { ...query, first: key, last: key };
    case "week":
      return { ...query, ...within(asked, key, 6) };
    case "month":
      return { ...query, ...within(asked, key, Number(dayOf(Number(key.slice(0, 4)), Number(key.slice(5, 7)) + 1, 0).slice(8)) - 1) };
  }
}

function within(asked: Asked, begins: string, more: number) {
  const ends = new Date(Date.parse(begins) + more * 86_400_000).toISOString().slice(0, 10);
  return { first: begins < asked.first ? asked.first : begins, last: ends > asked.last ? asked.last : ends };
}

export function useAsked(): [Asked, (changed: Partial<Search>) => void] {
  const search = useSearch({ strict: false }) as Search;
  const go = useNavigate();
  const change = (changed: Partial<Search>) => {
    const kept = Object.fromEntries(Object.entries({ ...search, ...changed }).filter(([, value]) => value !== undefined && value !== false));
    void go({ to: "/stats", search: kept as never, replace: true });
  };
  return [askedOf(search, hospitalToday()), change];
}
