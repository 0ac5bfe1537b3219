// A button that is also a command: the same name, the same keys, said to the eye and to assistive technology.
import { Button, Tooltip, type ButtonProps } from "antd";
import { shownKeys, type Command } from "./commands";
import { useCommand } from "./useCommand";

interface Props extends Omit<ButtonProps, "onClick"> {
  command: Command;
  onRun: () => void;
}

export function KeyButton({ command, onRun, disabled, loading, children, ...rest }: Props) {
  const keys = shownKeys(useCommand(command, onRun, { enabled: !disabled && !loading }));
  return (
    <Tooltip title={keys}>
      <Button {...rest} disabled={disabled} loading={loading} onClick={onRun} aria-keyshortcuts={keys.replace("Ctrl", "Control")}>
        {children} <kbd className="keys">{keys}</kbd>
      </Button>
    </Tooltip>
  );
}
