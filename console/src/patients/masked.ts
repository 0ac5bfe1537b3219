/** A telephone number as it is shown: who calls somebody has no need of its middle, which stays with the server. */
export function masked(number: string): string {
  const own = number.startsWith("+86") ? number.slice(3) : number;
  return own.length < 8 ? own : `${own.slice(0, own.length - 8)}****${own.slice(-4)}`;
}
