// Shares as they are read: whole percent from ten on, a decimal below.
import type { Shape } from "@/api/client";

export type Share = Shape["WallShare"];

export function percent(share: number): string {
  const of100 = share * 100;
  return `${of100 > 0 && of100 < 10 ? of100.toFixed(1) : of100.toFixed(0)}%`;
}

/** Null while there is nothing to make a share of. */
export function shown(share: Share): string | null {
  return share.of ? percent(share.count / share.of) : null;
}
