// Every contact with what came of it: tries, note, recording, alerts; one record copied or printed as a sheet of its own.
import { CopyOutlined, PrinterOutlined } from "@ant-design/icons";
import { App, Button, Empty, Tag } from "antd";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock, span } from "@/shown/instants";
import { said } from "@/words";
import { printRecord, recordInWords } from "@/work/follow_up_record";
import "@/work/words";
import { word } from "./codes";
import { Block, None } from "./Now";
import type { PartProps } from "./parts";

type FollowUp = Shape["FollowUpAnswer"];
type Tried = Shape["TriedAnswer"];

export default function FollowUps({ record, patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const params = { params: { path: { patient_id: patientId } } };
  const followUps = $api.useQuery("get", "/api/v1/patients/{patient_id}/follow-ups", params);
  const messages = $api.useQuery("get", "/api/v1/patients/{patient_id}/messages", params);
  const proposals = $api.useQuery("get", "/api/v1/patients/{patient_id}/treatment-proposals", params);
  return (
    <div className="record-grid">
      <section className="wide">
        <Loaded query={followUps}>
          {({ follow_ups: found }) =>
            found.length === 0 ? (
              <Empty
                image={Empty.PRESENTED_IMAGE_SIMPLE}
                description={
                  <>
                    {t("follow_ups.none")}
                    <br />
                    <span className="quiet">{t("follow_ups.none_help")}</span>
                  </>
                }
              />
            ) : (
              found.map((one, place) => <One key={one.task.id} one={one} name={record.patient.name} open={place < 3} />)
            )
          }
        </Loaded>
      </section>
      <Block title={t("follow_ups.proposals")}>
        <Loaded query={proposals}>
          {({ proposals: found }) => (
            <>
              <None of={found} />
              <ul className="record-lines">
                {found.map((one) => (
                  <li key={one.id}>
                    <Tag color={one.overdue ? "error" : undefined}>{word("proposal_state", one.state)}</Tag>
                    {word("proposal_kind", one.kind)} · {one.finding} → {one.proposal} <span className="quiet">{t("now.due", { day: day(one.due_on) })}</span>
                    {one.decision && <div>{one.decision}</div>}
                  </li>
                ))}
              </ul>
            </>
          )}
        </Loaded>
      </Block>
      <Block title={t("follow_ups.messages")}>
        <Loaded query={messages}>
          {({ messages: found }) => (
            <>
              {found.length === 0 && <p className="quiet">{t("follow_ups.no_messages")}</p>}
              <ul className="record-lines">
                {found.slice(0, 20).map((one) => (
                  <li key={one.id}>
                    <Tag>{word("message_state", one.state)}</Tag>
                    {word("channel", one.channel)} · {one.text} <span className="quiet">{dayAndClock(one.sent_at ?? one.send_at)}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
        </Loaded>
      </Block>
    </div>
  );
}

function One({ one, name, open }: { one: FollowUp; name: string; open: boolean }) {
  const { t } = useTranslation("patients");
  const { task, attempts } = one;
  const last = attempts.at(-1);
  return (
    <details className="record-follow-up" open={open}>
      <summary>
        <strong>{day(last?.answered_at ?? last?.reserved_at ?? task.target_at)}</strong>
        <Tag color={task.state === "completed" ? "green" : task.state === "lost_to_follow_up" ? "gold" : undefined}>{word("task_state", task.state)}</Tag>
        <span>{word("purpose", task.purpose)}</span>
        {task.mode === "automated" && <Tag>{t("follow_ups.automated")}</Tag>}
        <span className="quiet">{attempts.length > 0 ? t("follow_ups.tries", { count: attempts.length }) : t("follow_ups.due", { day: day(task.target_at) })}</span>
        {one.alerts.map((alert) => (
          <Tag key={alert.id} color={alert.level === "red" ? "error" : "gold"}>
            {alert.title ? said(alert.title) : word("alert_level", alert.level)}
          </Tag>
        ))}
      </summary>
      {attempts.map((tried) => (
        <Try key={tried.id} tried={tried} name={name} />
      ))}
      {one.next?.at && <p className="quiet">{t("follow_ups.next", { day: dayAndClock(one.next.at) })}</p>}
    </details>
  );
}

function Try({ tried, name }: { tried: Tried; name: string }) {
  const { t } = useTranslation(["patients", "work"]);
  const { message } = App.useApp();
  const outcome = tried.outcome ? t(`work:outcomes.${tried.outcome}`) : word("attempt_state", tried.state);
  const result = tried.task_result ? t(`work:results.${tried.task_result as "completed"}`) : "";
  const seconds = tried.answered_at && tried.ended_at ? (Date.parse(tried.ended_at) - Date.parse(tried.answered_at)) / 1000 : null;
  const text = recordInWords({ name, at: tried.answered_at ?? tried.reserved_at, agent: null, outcome, result, text: tried.note_text ?? "" });
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => message.success(t("copied")),
      () => message.error(t("not_copied")),
    );
  return (
    <div className="record-try">
      <span>
        {dayAndClock(tried.answered_at ?? tried.reserved_at)} · {[outcome, result, seconds !== null && t("timeline.minutes", { time: span(seconds) })].filter(Boolean).join(" · ")}
        {tried.note_state === "draft" && <Tag color="gold">{t("follow_ups.unsigned")}</Tag>}
      </span>
      {tried.recording_id && (
        <Link to="/recordings/$recordingId" params={{ recordingId: tried.recording_id }}>
          {t("follow_ups.listen")}
        </Link>
      )}
      {tried.note_text && (
        <>
          <p className="record-note">{tried.note_text}</p>
          <span className="record-acts">
            <Button size="small" type="text" icon={<CopyOutlined />} onClick={copy}>
              {t("copy")}
            </Button>
            <Button size="small" type="text" icon={<PrinterOutlined />} onClick={() => printRecord(text)}>
              {t("print")}
            </Button>
          </span>
        </>
      )}
    </div>
  );
}
