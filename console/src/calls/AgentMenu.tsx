// The agent's state with its age, and where she wants to be; during a call the wish waits for the wrap-up's end.
import { DownOutlined } from "@ant-design/icons";
import { App, Button, Dropdown } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { inWords } from "@/api/problem";
import { useCommand } from "@/keyboard/useCommand";
import { Since } from "@/shown/Since";
import { useAskForState, useDesk, useHeartbeat, type Asked, type Desk } from "./desk";
import { leading } from "./leader";
import { openPreFlight, readyToTalk } from "./pre_flight";
import { BREAKS, reasonWords } from "./reasons";
import "./words";
import "./calls.css";

const AFTER: ReadonlySet<Desk["state"]> = new Set<Desk["state"]>(["reserved", "on_call", "wrap_up"]);

export function AgentMenu() {
  const { t } = useTranslation("calls");
  const { message } = App.useApp();
  const desk = useDesk().data;
  const follows = leading((state) => state.follows);
  const [open, setOpen] = useState(false);
  const ask = useAskForState();
  useHeartbeat();
  useCommand("agent_state", () => setOpen((was) => !was), { enabled: !follows });
  if (!desk) return null;
  const later = AFTER.has(desk.state);
  const choose = (key: string) => {
    setOpen(false);
    const [state, reason = ""] = key.split(":") as [Asked, string?];
    if (state === "available" && !later && !readyToTalk(desk)) {
      openPreFlight();
      return;
    }
    ask.mutate(
      { body: { state, reason } },
      {
        onSuccess: () => later && void message.info(t("state.later", { state: t(`states.${state}`) })),
        onError: (problem) => void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": ")),
      },
    );
  };
  const named = (state: Asked) => (later ? t("state.after", { state: t(`states.${state}`) }) : t(`states.${state}`));
  return (
    <Dropdown
      trigger={["click"]}
      open={open}
      onOpenChange={setOpen}
      autoFocus
      disabled={follows}
      menu={{
        items: [
          { key: "available", label: named("available") },
          { key: "break", label: named("break"), children: BREAKS.map((reason) => ({ key: `break:${reason}`, label: t(`breaks.${reason}`) })) },
          { key: "training", label: named("training") },
          { key: "offline", label: named("offline") },
          { type: "divider" },
          { key: "headset", label: t("state.headset") },
        ],
        onClick: ({ key, domEvent }) => {
          domEvent.preventDefault(); // else the same press of Enter goes on to the check that it opens
          if (key !== "headset") return choose(key);
          setOpen(false);
          openPreFlight();
        },
      }}
    >
      <Button className="agent-state" data-state={desk.state} aria-keyshortcuts="Alt+S" aria-haspopup="menu" aria-expanded={open}>
        <i className="dot" aria-hidden />
        {t(`states.${desk.state}`)} <Since instant={desk.state_since} />
        {desk.state_reason && <span className="why">· {reasonWords(desk.state_reason)}</span>}
        {desk.wanted_state && <span className="why">→ {t(`states.${desk.wanted_state}`)}</span>}
        <DownOutlined aria-hidden />
      </Button>
    </Dropdown>
  );
}
