// The server's time as far as the browser knows it: from the Date header of its answers (a second's accuracy is enough for timers).
let ahead = 0;

/** Learn from an answer's Date header. */
export function learn(date: string | null): void {
  const at = date ? Date.parse(date) : NaN;
  if (!Number.isNaN(at) && Math.abs(at - Date.now() - ahead) > 2000) ahead = at - Date.now();
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(): number {
  return Date.now() + ahead;
}
