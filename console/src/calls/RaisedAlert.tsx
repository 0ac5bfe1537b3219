// An alert of this call: the sentence to say to the patient, its clock, who takes care of it, and the doctor on duty.
import { Alert, Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useMe } from "@/api/me";
import { serverNow } from "@/live/server_clock";
import { span } from "@/shown/instants";
import { said } from "@/words";
import type { Call } from "./call";
import { useTold } from "./commands";
import { useTargets, useTransfer } from "./Transfer";

type Raised = Shape["AlertAnswer"];

export function RaisedAlert({ alert: first, call }: { alert: Raised; call: Call | null }) {
  const { t } = useTranslation("calls");
  const now = $api.useQuery("get", "/api/v1/alerts/{alert_id}", { params: { path: { alert_id: first.id } } });
  const alert: Raised = now.data ?? first;
  return (
    <div className="raised">
      <Alert
        type={alert.level === "yellow" ? "warning" : "error"}
        showIcon
        title={`${t(`levels.${alert.level}`)} · ${alert.title ? said(alert.title) : t("red_flag.other")}`}
        description={
          <>
            <p className="label">{t("red_flag.say")}</p>
            <p className="say">{said(alert.advice)}</p>
          </>
        }
      />
      <AcknowledgeClock alert={alert} />
      {call?.state === "bridged" && call.transfer === null && <OnCallDoctor call={call} />}
    </div>
  );
}

/** The clock until somebody has to say that he takes care of it. */
export function AcknowledgeClock({ alert }: { alert: Raised }) {
  const { t } = useTranslation("calls");
  const told = useTold();
  const me = useMe().data?.user_id;
  const [now, setNow] = useState(serverNow);
  const waits = alert.state === "raised";
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => setNow(serverNow()), 1000);
    return () => clearInterval(timer);
  }, [waits]);
  const take = $api.useMutation("post", "/api/v1/alerts/{alert_id}/acknowledge", { onError: told });
  if (!waits) {
    return <p>{alert.acknowledged_by === me ? t("alerts.taken_by_you") : t("alerts.taken")}</p>;
  }
  const left = alert.due_at ? (Date.parse(alert.due_at) - now) / 1000 : null;
  return (
    <p className="clock" data-over={left !== null && left < 0}>
      <span>
        {left === null ? t("alerts.waits") : left >= 0 ? t("alerts.left", { span: span(left) }) : t("alerts.over", { span: span(-left) })}
      </span>
      <Button size="small" loading={take.isPending} onClick={() => take.mutate({ params: { path: { alert_id: alert.id } } })}>
        {t("alerts.take")}
      </Button>
    </p>
  );
}

function OnCallDoctor({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const targets = useTargets(call).data;
  const { begin, busy } = useTransfer(call);
  if (!targets) return null;
  const doctors = targets.on_duty.filter((each) => each.role !== "nurse");
  if (doctors.length === 0) return <p>{t("red_flag.nobody_on_duty")}</p>;
  return (
    <div className="targets">
      {doctors.map((each) => (
        <Button key={each.shift_id} type="primary" danger block disabled={busy} onClick={() => begin("consult", { duty_shift_id: each.shift_id })}>
          {t("red_flag.to_doctor", { role: t(`duty.${each.role}`), name: each.name })}
        </Button>
      ))}
    </div>
  );
}
