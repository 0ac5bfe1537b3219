// What opens above the call bar: one at a time; Esc closes it and gives the focus back, and never ends a call.
import { Button } from "antd";
import { CloseOutlined } from "@ant-design/icons";
import { useEffect, useRef, type ComponentType } from "react";
import { useTranslation } from "react-i18next";
import type { Call } from "./call";
import { Captions } from "./Captions";
import { Keypad } from "./Keypad";
import { closePanel, type Panel } from "./panel";
import { RecordingMenu } from "./RecordingMenu";
import { RedFlag } from "./RedFlag";
import { Transfer } from "./Transfer";

const CONTENT: Record<Panel, ComponentType<{ call: Call }>> = {
  keypad: Keypad,
  transfer: Transfer,
  red_flag: RedFlag,
  captions: Captions,
  recording: RecordingMenu,
};

export default function Panels({ open, call }: { open: Panel; call: Call }) {
  const { t } = useTranslation("calls");
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const [before, mine] = [document.activeElement, box.current];
    const close = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.stopPropagation();
      closePanel();
    };
    if (open !== "captions") mine?.focus();
    mine?.addEventListener("keydown", close);
    return () => {
      mine?.removeEventListener("keydown", close);
      if (before instanceof HTMLElement && mine?.contains(document.activeElement) !== false) before.focus();
    };
  }, [open]);
  const Content = CONTENT[open];
  return (
    <section
      ref={box}
      className={`call-panel ${open}`}
      role="dialog"
      aria-label={t(`${open}.title`)}
      tabIndex={-1}
    >
      <header>
        <h2>{t(`${open}.title`)}</h2>
        <Button type="text" icon={<CloseOutlined aria-hidden />} aria-label={t("close")} onClick={closePanel} />
      </header>
      <Content call={call} />
    </section>
  );
}
