// What an item of the timeline says beside its title, from its own facts.
import i18next from "i18next";
import type { Shape } from "@/api/client";
import { day, span } from "@/shown/instants";
import { word } from "./codes";

type Item = Pick<Shape["api__record_answers__ItemAnswer"], "kind" | "facts">;
type Facts = Record<string, unknown>;

const text = (value: unknown) => (value === null || value === undefined ? "" : String(value));
const dated = (key: "since" | "until" | "timeline.due", value: unknown) => (value ? i18next.t(`patients:${key}`, { day: day(text(value)) }) : "");

function rounded(value: unknown): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : text(value);
}

function result(facts: Facts): string[] {
  const value = facts["value"] as number | null;
  const [low, high] = [facts["reference_low"], facts["reference_high"]] as (number | null)[];
  const arrow = value === null ? "" : high != null && value > high ? "▲ " : low != null && value < low ? "▼ " : "";
  const unit = facts["unit"] === "1" ? "" : text(facts["unit"]);
  return [
    value === null ? text(facts["text"]) : `${arrow}${rounded(value)} ${unit}`.trim(),
    low == null || high == null ? "" : i18next.t("patients:timeline.range", { low: rounded(low), high: rounded(high) }),
    word("setting", facts["setting"]),
  ];
}

const history = (facts: Facts) => [text(facts["relation"]), facts["state"] === "active" ? "" : word("entry_state", facts["state"]), dated("since", facts["since"]), text(facts["note"])];

const LINES: Partial<Record<Item["kind"], (facts: Facts) => string[]>> = {
  visit: (facts) => [text(facts["ward"]), text(facts["doctor"])],
  condition: history,
  allergy: history,
  procedure: history,
  family: history,
  result,
  medicine: (facts) => [text(facts["dose"]), text(facts["schedule"]), facts["state"] === "active" ? "" : word("medicine_state", facts["state"]), word("basis", facts["basis"])],
  dispense: (facts) => [i18next.t("patients:timeline.days", { count: Number(facts["days_supplied"] ?? 0) })],
  risk: (facts) => [`${rounded(facts["value"])} ${text(facts["unit"])}`.trim()],
  goal: (facts) => [word("goal_state", facts["state"]), dated("timeline.due", facts["due_on"])],
  advice: (facts) => [word("way", facts["way"]), text(facts["excerpt"])],
  lesson: (facts) => [word("way", facts["way"])],
  proposal: (facts) => [word("proposal_kind", facts["kind"]), word("proposal_state", facts["state"]), text(facts["excerpt"])],
  summary: (facts) => [`${text(facts["since"])} – ${text(facts["until"])}`, word("summary_state", facts["state"]), text(facts["signer_name"])],
  tag: (facts) => [word("tag_origin", facts["origin"]), text(facts["reason"]), word("tag_end", facts["end"])],
  consent: (facts) => [word("purpose", facts["purpose"]), word("scope", facts["scope"]), i18next.t(facts["granted"] ? "patients:timeline.given" : "patients:timeline.refused")],
  plan: (facts) => [word("plan_state", facts["state"])],
  call: (facts) => [
    facts["outcome"] ? i18next.t(`work:outcomes.${text(facts["outcome"]) as "busy"}`) : word("attempt_state", facts["state"]),
    facts["task_result"] ? i18next.t(`work:results.${text(facts["task_result"]) as "completed"}`) : "",
    typeof facts["seconds"] === "number" ? i18next.t("patients:timeline.minutes", { time: span(facts["seconds"]) }) : "",
  ],
  note: (facts) => [word("note_state", facts["state"]), text(facts["excerpt"])],
  form: (facts) => [word("response_state", facts["state"]), word("response_mode", facts["mode"])],
  alert: (facts) => [word("alert_level", facts["level"]), word("alert_state", facts["state"])],
  request: (facts) => [word("request_kind", facts["kind"]), word("request_state", facts["state"]), dated("timeline.due", facts["due_on"]), text(facts["excerpt"])],
  message: (facts) => [word("channel", facts["channel"]), word("direction", facts["direction"]), word("message_state", facts["state"])],
};

/** The item in a line; empty where the title says it all. */
export function lineOf(item: Item): string {
  return (LINES[item.kind]?.(item.facts as Facts) ?? []).filter(Boolean).join(" · ");
}
