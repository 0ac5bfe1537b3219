// Instants as a reader in the hospital reads them: its time zone always, whatever the computer's clock is set to.
import { language } from "@/words";

let zone = "Asia/Shanghai";

/** Said once by the server's answer to who we are. */
export function setZone(name: string): void {
  zone = name;
}

export function zoneName(): string {
  return zone;
}

function written(instant: string | Date, options: Intl.DateTimeFormatOptions): string {
  const at = typeof instant === "string" ? new Date(instant) : instant;
  return new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en-GB", { timeZone: zone, ...options }).format(at);
}

/** 2026-11-21 in Chinese, 21 Nov 2026 in English. */
export function day(instant: string | Date): string {
  if (language() === "en") return written(instant, { day: "numeric", month: "short", year: "numeric" });
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(typeof instant === "string" ? new Date(instant) : instant);
}

/** 14:05 */
export function clock(instant: string | Date): string {
  return written(instant, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** 14:05:09 */
export function clockWithSeconds(instant: string | Date): string {
  return written(instant, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** Day and time. */
export function dayAndClock(instant: string | Date): string {
  return `${day(instant)} ${clock(instant)}`;
}

/** Seconds as 1:23, or 1:02:03 from an hour on. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The day of an instant as 2026-11-21, for addresses and requests. */
export function isoDay(instant: string | Date): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(typeof instant === "string" ? new Date(instant) : instant);
}

/** The instant at which the hospital's clocks show this day (2026-11-21) and time (14:05). */
export function instantAt(isoDate: string, time: string): string {
  const wanted = Date.parse(`${isoDate}T${time}:00Z`);
  const shownAt = (at: number) => {
    const written = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    }).format(at);
    return Date.parse(`${written.replace(" ", "T")}:00Z`);
  };
  // The zone's distance from UTC, asked once more where the first guess lies on the other side of a change.
  const first = wanted - (shownAt(wanted) - wanted);
  return new Date(first + (wanted - shownAt(first))).toISOString();
}
