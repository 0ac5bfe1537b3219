// Keys that the focused element needs for itself: a button its space bar, a slider or a row of tabs its arrows.

const PRESSED = "button, summary, [role=button], [role=checkbox], [role=switch], [role=radio], [role=tab], [role=option], [role=menuitem]";
const MOVED = "[role=slider], [role=tab], [role=radio], [role=option], [role=listbox], [role=menuitem], [role=menu], [role=combobox]";

export function isOwnKey(event: KeyboardEvent): boolean {
  if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof Element)) return false;
  if (event.code === "Space") return event.target.closest(PRESSED) !== null;
  return event.code.startsWith("Arrow") && event.target.closest(MOVED) !== null;
}
