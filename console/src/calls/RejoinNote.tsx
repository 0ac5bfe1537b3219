// The headset is away in a call: the server keeps the patient for a while, and she can come back.
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { headset, putOn, worn } from "@/headset/worn";
import { serverNow } from "@/live/server_clock";
import { useDesk } from "./desk";
import { leading } from "./leader";

const KEPT_SECONDS = 30; // so long the server keeps the patient on the line

export function RejoinNote() {
  const { t } = useTranslation("calls");
  const desk = useDesk().data;
  const { state, replaced } = worn();
  const follows = leading((now) => now.follows);
  const [now, setNow] = useState(serverNow);
  const lostAt = desk?.headset_kind === "browser" ? (desk.headset_lost_at ?? null) : null;
  const away = desk?.headset_kind === "browser" && !follows && (lostAt !== null || (state !== "on" && desk.headset_state === "up"));
  useEffect(() => {
    if (!away) return undefined;
    const timer = setInterval(() => setNow(serverNow()), 500);
    return () => clearInterval(timer);
  }, [away]);
  if (replaced && !away) {
    return (
      <div className="strip note">
        <span>{t("rejoin.replaced")}</span>
        <Button onClick={() => worn.setState({ replaced: false })}>{t("rejoin.seen")}</Button>
      </div>
    );
  }
  if (!away) return null;
  const left = lostAt ? Math.max(0, Math.ceil(KEPT_SECONDS - (now - Date.parse(lostAt)) / 1000)) : null;
  const busy = state === "asking" || state === "connecting";
  return (
    <div className="strip warning">
      <span>{left === null ? t("rejoin.away") : t("rejoin.left", { left })}</span>
      <Button
        type="primary"
        loading={busy}
        onClick={() => {
          if (state === "lost") headset.hurry();
          else void putOn();
        }}
      >
        {t("rejoin.now")}
      </Button>
    </div>
  );
}
