// What a campaign's codes say.
import i18next from "i18next";
import type { Shape } from "@/api/client";
import "./words";

export type Campaign = Shape["CampaignAnswer"];
export type Group = Shape["CallListAsk"]["group"];

export const GROUPS: readonly Group[] = [
  "confirmed",
  "cancelled",
  "rebook",
  "wants_person",
  "answered",
  "machine",
  "unreached",
  "refused",
  "wrong_number",
  "called_off",
  "still_open",
];

export const STATE_COLORS: Partial<Record<Campaign["state"], string>> = { running: "green", paused: "orange" };

/** How many are through, of those who are called. */
export function progress(campaign: Campaign): { done: number; size: number; percent: number } {
  const size = campaign.counts.size;
  const done = size - (campaign.counts.groups.still_open ?? 0);
  return { done, size, percent: size ? Math.floor((done * 100) / size) : 0 };
}

export function leftOutWords(reason: string): string {
  const key = `campaigns:left_out.${reason}`;
  return i18next.exists(key) ? i18next.t(key as "campaigns:left_out.no_number") : reason;
}

export function flowWords(flow: string): string {
  const key = `campaigns:flows.${flow}`;
  return i18next.exists(key) ? i18next.t(key as "campaigns:flows.recheck_reminder") : flow;
}
