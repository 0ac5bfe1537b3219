// All commands with their keys, on one sheet.
import { Modal, Table } from "antd";
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
      <Table
        size="small"
        pagination={false}
        rowKey="command"
        dataSource={(Object.keys(COMMANDS) as Command[]).map((command) => ({ command, keys: shownKeys(keysOf(command, chosen)) }))}
        columns={[
          { dataIndex: "command", title: t("title"), render: (command: Command) => t(`names.${command}`) },
          { dataIndex: "keys", title: "", render: (keys: string) => <kbd>{keys}</kbd> },
        ]}
      />
    </Modal>
  );
}
