// Keys sent to whoever is on the line: a machine that asks to press 1, an extension.
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Call } from "./call";
import { commandTo, useCallCommand } from "./commands";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

export function Keypad({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const [sent, setSent] = useState("");
  const { mutate } = useCallCommand();
  const send = (digit: string) => {
    setSent((before) => before + digit);
    mutate(commandTo(call.id, "send_digits", digit));
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
      if (!(KEYS as readonly string[]).includes(event.key)) return;
      if (event.target instanceof HTMLElement && event.target.closest(".call-panel") === null) return;
      event.preventDefault();
      setSent((before) => before + event.key);
      mutate(commandTo(call.id, "send_digits", event.key));
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [call.id, mutate]);
  return (
    <>
      <output className="sent" aria-label={t("keypad.sent")}>
        {sent || " "}
      </output>
      <div className="keys">
        {KEYS.map((key) => (
          <Button key={key} size="large" onClick={() => send(key)}>
            {key}
          </Button>
        ))}
      </div>
    </>
  );
}
