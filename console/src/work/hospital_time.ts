// Days and hours as the hospital's clock shows them, for fields in which a person types them.
import dayjs from "dayjs";
import timezone from "dayjs/plugin/timezone";
import utc from "dayjs/plugin/utc";
import { day, zoneName } from "@/shown/instants";

dayjs.extend(utc);
dayjs.extend(timezone);

/** 2026-11-23T09:00, as a field of day and hour wants it. */
export function typed(instant: string): string {
  return dayjs(instant).tz(zoneName()).format("YYYY-MM-DDTHH:mm");
}

/** A day of about now: 11-21 in Chinese, 21 Nov in English. */
export function dayInYear(instant: string): string {
  return day(instant).replace(/^\d{4}-/, "").replace(/ \d{4}$/, "");
}

/** The instant of what was typed; null where it is none. */
export function instantOf(text: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text)) return null;
  const at = dayjs.tz(text, zoneName());
  return at.isValid() ? at.toISOString() : null;
}
