// All commands with their keys, on one sheet.
import { Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { bindings, COMMANDS, keysOf, shownKeys, type Command } from "./commands";
import { useCommand } from "./useCommand";
import "./words";

export function ShortcutSheet() {
  const { t } = useTranslation("keyboard");
  const [open, setOpen] = useState(false);
  const chosen = bindings((state) => state.chosen);
  useCommand("shortcuts", () => setOpen((was) => !was));
  return (
    <Modal open={open} title={t("title")} footer={null} onCancel={() => setOpen(false)}>
      <table className="shortcuts">
        <tbody>
          {(Object.keys(COMMANDS) as Command[]).map((command) => (
            <tr key={command}>
              <th scope="row">{t(`names.${command}`)}</th>
              <td>
                <kbd>{shownKeys(keysOf(command, chosen))}</kbd>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Modal>
  );
}
