// Alerts that wait for a person, the most urgent first: their clock, what to say, and taking them; those taken wait for their outcome.
import { Button, Drawer, Input, Segmented, Select } from "antd";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, queries, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { dayAndClock } from "@/shown/instants";
import { said } from "@/words";
import { useTold } from "./commands";
import { AcknowledgeClock } from "./RaisedAlert";

export default function AlertsDrawer({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("calls");
  const [state, setState] = useState<"raised" | "open">("raised");
  const list = $api.useQuery("get", "/api/v1/alerts", { params: { query: { state } } });
  return (
    <Drawer open title={t("alerts.title")} onClose={onClose} size={460}>
      <Segmented
        block
        name={t("alerts.title")}
        value={state}
        onChange={setState}
        options={[
          { value: "raised", label: t("alerts.raised") },
          { value: "open", label: t("alerts.open") },
        ]}
      />
      <Loaded query={list} isEmpty={({ alerts }) => alerts.length === 0} empty={t("alerts.none")}>
        {({ alerts }) => (
          <ul className="alerts">
            {alerts.map((alert) => (
              <li key={alert.id} data-level={alert.level}>
                <h3>
                  {t(`levels.${alert.level}`)} · {alert.title ? said(alert.title) : t("red_flag.other")}
                </h3>
                <p>
                  {dayAndClock(alert.raised_at)} {alert.department} {" "}
                  <Link to="/patients/$patientId" params={{ patientId: alert.patient_id }} onClick={onClose}>
                    {t("alerts.patient")}
                  </Link>
                </p>
                <p className="say">{said(alert.advice)}</p>
                <AcknowledgeClock alert={alert} />
                {(alert.state === "acknowledged" || alert.state === "in_progress") && <Outcome alert={alert} />}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Drawer>
  );
}

function Outcome({ alert }: { alert: Shape["AlertAnswer"] }) {
  const { t } = useTranslation("calls");
  const told = useTold();
  const [outcome, setOutcome] = useState<Shape["AlertOutcome"]>();
  const [text, setText] = useState("");
  const outcomes = $api.useQuery("get", "/api/v1/alert-levels", undefined, { staleTime: Infinity }).data?.outcomes ?? [];
  const close = $api.useMutation("post", "/api/v1/alerts/{alert_id}/outcome", {
    onError: told,
    onSuccess: () => void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/alert") }),
  });
  return (
    <div className="outcome">
      <Select
        aria-label={t("alerts.outcome")}
        placeholder={t("alerts.outcome")}
        value={outcome}
        onChange={setOutcome}
        options={outcomes.map((each) => ({ value: each.outcome, label: said(each.title) }))}
      />
      <Input.TextArea value={text} onChange={(event) => setText(event.target.value)} rows={2} maxLength={500} aria-label={t("alerts.words")} placeholder={t("alerts.words")} />
      <Button
        type="primary"
        disabled={!outcome || text.trim() === ""}
        loading={close.isPending}
        onClick={() => outcome && close.mutate({ params: { path: { alert_id: alert.id } }, body: { outcome, text: text.trim() } })}
      >
        {t("alerts.close")}
      </Button>
    </div>
  );
}
