// The days of a year, month by month, reckoned without any time zone.
interface Month {
  first: string;
  days: string[];
}

export function monthsOf(year: number): Month[] {
  return Array.from({ length: 12 }, (_, month) => {
    const count = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    const days = Array.from({ length: count }, (_, day) => new Date(Date.UTC(year, month, day + 1)).toISOString().slice(0, 10));
    return { first: days[0]!, days };
  });
}

/** 1 is Monday, 7 Sunday. */
export function weekdayOf(isoDate: string): number {
  return new Date(`${isoDate}T00:00:00Z`).getUTCDay() || 7;
}
