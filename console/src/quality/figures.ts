// Figures as they are read: scores and kappas with two digits at most, shares in percent.
import { language } from "@/words";

export function figure(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(language() === "zh" ? "zh-CN" : "en-GB", { maximumFractionDigits: digits }).format(value);
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : `${figure(share * 100)}%`;
}
