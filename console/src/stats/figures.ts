// Figures as they are read: a value with its unit, an interval, what stands above and below the line.
import { span } from "@/shown/instants";
import { language } from "@/words";
import type { Shape as Shapes } from "@/api/client";

export type Figure = Shapes["FigureAnswer"];
export type Definition = Shapes["DefinitionAnswer"];
export type Row = Shapes["FigureRowAnswer"];
type Kind = Definition["shape"];

const PERCENT: readonly Kind[] = ["percent", "composite"];
const SECONDS: readonly Kind[] = ["seconds", "median_seconds"];

export const NOTHING = "—";

function number(value: number, digits: number): string {
  return new Intl.NumberFormat(language() === "zh" ? "zh-CN" : "en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** 78.81 %, 4.22, 4:00 */
export function valueText(figure: Figure | undefined, shape: Kind): string {
  if (figure?.value == null) return NOTHING;
  return plain(figure.value, shape);
}

export function plain(value: number, shape: Kind): string {
  if (PERCENT.includes(shape)) return `${number(value, 2)} %`;
  if (SECONDS.includes(shape)) return span(value);
  if (shape === "count") return number(value, 0);
  if (shape === "balance") return number(value, 1);
  return number(value, 2);
}

export function intervalText(figure: Figure): string {
  return figure.low == null || figure.high == null ? "" : `${number(figure.low, 1)}–${number(figure.high, 1)}`;
}

/** 331 / 415; only the denominator where a sum above the line says nothing. */
export function countsText(figure: Figure, shape: Kind): string {
  if (shape === "count") return "";
  if (figure.denominator == null) return "";
  const of = number(figure.denominator, 0);
  const above = PERCENT.includes(shape) || shape.startsWith("per_") || shape === "balance" || shape === "ratio";
  return above && figure.numerator != null ? `${number(figure.numerator, 0)} / ${of}` : `n = ${of}`;
}

/** The rows of a comparison: by time as they come, else the highest first; what has no value last. */
export function inOrder(rows: readonly Row[], code: string, byTime: boolean): { row: Row; figure: Figure }[] {
  const told = rows.flatMap((row) => row.figures.filter((each) => each.code === code).map((figure) => ({ row, figure })));
  if (byTime) return told;
  return told.sort((one, two) => (two.figure.value ?? -Infinity) - (one.figure.value ?? -Infinity));
}
