// All commands with their keys, on one sheet, where each can be given others.
import { Modal } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { usePreferences } from "./preferences";
import { useCommand } from "./useCommand";
import "./words";

const ShortcutEditor = lazy(() => import("./ShortcutEditor"));

export function ShortcutSheet() {
  const { t } = useTranslation("keyboard");
  const [open, setOpen] = useState(false);
  usePreferences();
  useCommand("shortcuts", () => setOpen((was) => !was));
  return (
    <Modal open={open} title={t("title")} footer={null} destroyOnHidden onCancel={() => setOpen(false)}>
      <Suspense fallback={null}>
        <ShortcutEditor />
      </Suspense>
    </Modal>
  );
}
