// An alert that was raised by itself in this call (by an answer, or by what was heard): it comes up beside the call and never takes the focus.
import { CloseOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useLive } from "@/live/useLive";
import { sayAtOnce } from "@/shown/said_aloud";
import { useCall } from "./call";
import { RaisedAlert } from "./RaisedAlert";

export default function RedFlagPopUp() {
  const { t } = useTranslation("calls");
  const { attempt, call } = useCall();
  const [raised, setRaised] = useState<string | null>(null);
  useLive((event) => {
    if (event.kind !== "alert_raised" || !attempt || event.ids["attempt"] !== attempt.id) return;
    setRaised(event.ids["subject"] ?? null);
    sayAtOnce(t("red_flag.raised"));
  });
  const alert = $api.useQuery(
    "get",
    "/api/v1/alerts/{alert_id}",
    { params: { path: { alert_id: raised ?? "" } } },
    { enabled: raised !== null, retry: false },
  ).data;
  // One that she raised herself stands in her own panel.
  if (!raised || !attempt || !alert || alert.id !== raised || alert.attempt_id !== attempt.id || alert.source === "person") return null;
  return (
    <aside className="red-flag-pop-up" aria-label={t("red_flag.raised")}>
      <header>
        <h2>{t("red_flag.raised")}</h2>
        <Button type="text" icon={<CloseOutlined aria-hidden />} aria-label={t("close")} onClick={() => setRaised(null)} />
      </header>
      <RaisedAlert alert={alert} call={call} />
    </aside>
  );
}
