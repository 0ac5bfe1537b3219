// What a line of the list says, made of its codes.
import i18next from "i18next";
import type { Shape } from "@/api/client";
import { percent } from "@/wall/shares";
import "./words";

export type Exception = Shape["DayExceptionAnswer"];
export type Kind = Exception["kind"];

/** How long it is there, in the one unit that matters. */
export function age(since: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(since)) / 60_000));
  if (minutes < 60) return i18next.t("exceptions:minutes", { count: minutes });
  if (minutes < 48 * 60) return i18next.t("exceptions:hours", { count: Math.floor(minutes / 60) });
  return i18next.t("exceptions:days", { count: Math.floor(minutes / 1440) });
}

export function detail(line: Exception): string {
  const share =
    line.numerator !== null && line.denominator
      ? i18next.t("exceptions:details.share", {
          count: line.numerator,
          of: line.denominator,
          percent: percent(line.numerator / line.denominator),
        })
      : "";
  if (line.kind === "caller_id_fell") return i18next.t("exceptions:details.number", { number: line.detail, share });
  const key = `exceptions:details.${line.detail}`;
  const words = line.detail && i18next.exists(key) ? i18next.t(key as "exceptions:details.other") : line.detail;
  return [words, share].filter(Boolean).join(" ");
}
