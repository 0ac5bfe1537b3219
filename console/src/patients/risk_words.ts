// Evidence in words: what is known, its value and its day.
import type { Shape } from "@/api/client";
import { day } from "@/shown/instants";
import { language } from "@/words";
import { word } from "./codes";

/** One row of evidence as a reader reads it. */
export function known(row: Record<string, unknown>, concepts: readonly Shape["ConceptAnswer"][]): string {
  const what = String(row["what"] ?? "");
  const concept = concepts.find((each) => each.code === what);
  const name = concept ? (language() === "en" ? concept.name_en : concept.name_zh) : what.replaceAll("_", " ");
  const value = row["value"];
  const shown = value === true || value === null || value === undefined ? "" : `${String(value)} ${concept && concept.unit !== "1" ? concept.unit : ""}`.trim();
  const at = typeof row["at"] === "string" ? day(row["at"]) : "";
  return [word("evidence_kind", row["kind"]), name, shown, at].filter(Boolean).join(" · ");
}

/** A code for a tag that somebody names by hand: the same name is the same tag. */
export function codeOfTag(title: string): string {
  const latin = title.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  if (/^[a-z][a-z0-9-]{1,30}$/.test(latin) && latin.length >= title.trim().length - 2) return latin;
  let sum = 0x811c9dc5;
  for (const letter of title.trim()) sum = Math.imul(sum ^ letter.codePointAt(0)!, 0x01000193) >>> 0;
  return `hand-${sum.toString(36)}`;
}
