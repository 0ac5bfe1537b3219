// A command by its keys, while the component is there. Ignored while an input method composes; single letters not in text fields,
// the space bar and arrows not where the focused element needs them.
import { useHotkeys } from "react-hotkeys-hook";
import { bindings, keysOf, type Command } from "./commands";
import { isOwnKey } from "./own_keys";

interface When {
  enabled?: boolean;
}

export function useCommand(command: Command, run: () => void, { enabled = true }: When = {}): string {
  const keys = keysOf(command, bindings((state) => state.chosen));
  const held = keys.includes("alt+") || keys.includes("ctrl+");
  useHotkeys(
    keys,
    (event) => {
      if (event.repeat) return;
      run();
    },
    {
      enabled,
      preventDefault: true,
      enableOnFormTags: held,
      enableOnContentEditable: held,
      ignoreEventWhen: (event) => event.isComposing || event.keyCode === 229 || isOwnKey(event),
    },
  );
  return keys;
}
