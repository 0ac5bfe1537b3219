// Days as the hospital counts them, as instants.

function ahead(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(at);
  return Date.parse(`${parts.replace(" ", "T")}Z`) - Math.floor(at / 1000) * 1000;
}

/** When a day (2026-11-21) begins, `later` days on, in this zone. */
export function dayBegins(day: string, zone: string, later = 0): string {
  const midnight = Date.parse(`${day}T00:00:00Z`) + later * 86_400_000;
  const about = midnight - ahead(midnight, zone);
  return new Date(midnight - ahead(about, zone)).toISOString();
}
