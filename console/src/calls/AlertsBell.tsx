export function AlertsBell() {
  return null;
}
