// The facts of the call beside its sound.
import { CaretRightOutlined, WarningOutlined } from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { Button, Descriptions, Tag } from "antd";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { clockWithSeconds, dayAndClock, span } from "@/shown/instants";
import { LEVEL_COLORS } from "./CallTable";

interface Props {
  facts: Shape["CallFactsAnswer"];
  recording: Shape["RecordingAnswer"];
  play: (second: number) => void;
}

export function CallFacts({ facts, recording, play }: Props) {
  const { t } = useTranslation("recordings");
  const { call } = facts;
  const rows: [string, React.ReactNode][] = [
    ["patient", <Link key="patient" to={`/patients/${call.patient_id}`}>{call.patient_name}</Link>],
    ["number", call.number],
    ["agent", call.agent_name || t("facts.nobody")],
    ["queue", call.queue_name],
    ["department", call.department || t("facts.none")],
    ["outcome", call.outcome ? t(`outcomes.${call.outcome}`) : t("facts.open")],
    ["begun", call.at ? dayAndClock(call.at) : ""],
    ["answered", call.answered_at ? clockWithSeconds(call.answered_at) : t("facts.none")],
    ["ended", call.ended_at ? `${clockWithSeconds(call.ended_at)} ${call.party ? t(`parties.${call.party}`) : ""}` : t("facts.open")],
    ["length", call.seconds === null ? t("facts.none") : span(call.seconds)],
    ["score", call.score === null ? t("facts.none") : Math.round(call.score)],
    ["kept", t(recording.legal_hold ? "facts.held" : recording.encrypted ? "facts.sealed" : "facts.in_clear")],
    ["checksum", recording.sha256 ? <code className="facts-sum">{recording.sha256}</code> : t("facts.none")],
  ];
  return (
    <div className="tab-scroll">
      {facts.alerts.length > 0 && (
        <ul className="facts-alerts">
          {facts.alerts.map((alert) => (
            <li key={alert.id}>
              <Button size="small" type="text" icon={<CaretRightOutlined aria-hidden />} onClick={() => play(alert.at_second)} aria-label={t("transcript.play_from", { at: span(alert.at_second) })}>
                {span(alert.at_second)}
              </Button>
              <Tag color={LEVEL_COLORS[alert.level]} icon={<WarningOutlined />}>
                {t(`levels.${alert.level}`)}
              </Tag>
            </li>
          ))}
        </ul>
      )}
      {facts.pauses.length > 0 && (
        <p className="list-quiet">
          {t("facts.pauses", { spans: facts.pauses.map(({ start, end }) => `${span(start)}–${end === null ? "" : span(end)}`).join(", ") })}
        </p>
      )}
      <Descriptions
        size="small"
        column={1}
        styles={{ label: { color: "#595959" } }}
        items={rows.map(([name, value]) => ({ key: name, label: t(`facts.${name}` as "facts.patient"), children: value }))}
      />
    </div>
  );
}
