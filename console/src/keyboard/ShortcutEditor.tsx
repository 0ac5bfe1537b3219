// Every command with its keys, each changed by pressing others; clashes are refused with the name of who has them.
import { App, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { inWords } from "@/api/problem";
import { bindings, COMMANDS, keysOf, shownKeys, type Command } from "./commands";
import { keysPressed, refusalOf } from "./pressed_keys";
import { keep } from "./preferences";

export default function ShortcutEditor() {
  const { t } = useTranslation("keyboard");
  const { message } = App.useApp();
  const chosen = bindings((state) => state.chosen);
  const [changing, setChanging] = useState<Command>();
  const [said, setSaid] = useState("");

  function choose(next: Partial<Record<Command, string>>) {
    const before = chosen;
    bindings.getState().choose(next);
    keep({ shortcuts: next as Record<string, string> }).then(
      () => void message.success(t("kept")),
      (problem: unknown) => {
        bindings.getState().choose(before);
        void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": "));
      },
    );
  }

  useEffect(() => {
    if (!changing) return undefined;
    const listen = (event: KeyboardEvent) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.repeat || event.isComposing) return;
      if (event.code === "Escape") {
        setChanging(undefined);
        setSaid("");
        return;
      }
      const keys = keysPressed(event);
      if (!keys) return;
      const refusal = refusalOf(changing, keys, chosen);
      if (refusal) {
        setSaid(refusal.why === "taken" ? t("taken", { name: t(`names.${refusal.by}`) }) : t(refusal.why));
        return;
      }
      const next = { ...chosen, [changing]: keys };
      if (keys === COMMANDS[changing].keys) delete next[changing];
      choose(next);
      setChanging(undefined);
      setSaid("");
    };
    // First of all, so that no command runs by the keys that are being chosen.
    window.addEventListener("keydown", listen, { capture: true });
    return () => window.removeEventListener("keydown", listen, { capture: true });
  });

  return (
    <>
      <table className="shortcuts">
        <tbody>
          {(Object.keys(COMMANDS) as Command[]).map((command) => (
            <tr key={command}>
              <th scope="row">{t(`names.${command}`)}</th>
              <td>{changing === command ? <em>{t("press")}</em> : <kbd>{shownKeys(keysOf(command, chosen))}</kbd>}</td>
              <td>
                <Button
                  size="small"
                  type="link"
                  aria-label={t(changing === command ? "leave_of" : "change_of", { name: t(`names.${command}`) })}
                  onClick={() => {
                    setSaid("");
                    setChanging(changing === command ? undefined : command);
                  }}
                >
                  {changing === command ? t("leave") : t("change")}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p role="status">{said}</p>
      <Button disabled={Object.keys(chosen).length === 0} onClick={() => choose({})}>
        {t("reset")}
      </Button>
    </>
  );
}
