// One request: what was said, by when it is owed, what was done by whom, and the calls in which it was spoken of.
import { PrinterOutlined } from "@ant-design/icons";
import { Link, useParams } from "@tanstack/react-router";
import { Button, Card, Descriptions, Flex, Tag, Timeline } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { day, dayAndClock, span } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { DueTag } from "./DueTag";
import { MoveMenu } from "./MoveMenu";
import { RemarkDialog } from "./RemarkDialog";
import { useRequestWords } from "./useRequests";
import "./style.css";
import "./words";

type Full = Shape["FullRequestAnswer"];

export default function ComplaintPage() {
  const { t } = useTranslation("complaints");
  const { requestId } = useParams({ strict: false });
  const query = $api.useQuery("get", "/api/v1/requests/{request_id}", { params: { path: { request_id: requestId! } } });
  return (
    <>
      <Link to="/complaints" className="complaints-back">
        {t("back")}
      </Link>
      <Loaded query={query}>{(request) => <Opened request={request} />}</Loaded>
    </>
  );
}

function Opened({ request }: { request: Full }) {
  const { t } = useTranslation("complaints");
  const words = useRequestWords().data;
  const [remark, setRemark] = useState<"remark" | "postpone" | null>(null);
  const items = [
    { label: t("state"), children: said(words?.states[request.state]) },
    { label: t("cause"), children: said(words?.causes.find((each) => each.code === request.cause)?.title) },
    {
      label: t("patient"),
      children: request.patient_id ? (
        <Link to="/patients/$patientId" params={{ patientId: request.patient_id }}>
          {request.patient_name}
        </Link>
      ) : (
        t("no_patient")
      ),
    },
    { label: t("departments"), children: request.departments.join("、") || "–" },
    { label: t("owner"), children: request.owner },
    { label: t("receiver"), children: request.receiver },
    { label: t("received_at"), children: dayAndClock(request.received_at) },
    {
      label: t("due_on"),
      children: (
        <>
          {day(request.due_on)} <DueTag request={request} />
        </>
      ),
    },
    ...(request.decision ? [{ label: t("decision"), children: request.decision, span: 2 }] : []),
    ...(request.reply ? [{ label: t("reply"), children: request.reply, span: 2 }] : []),
  ];
  return (
    <div className="complaints-one">
      <Card
        title={
          <h1>
            {said(words?.kinds[request.kind])} {request.restricted && <Tag>{t("restricted")}</Tag>}
          </h1>
        }
        extra={
          <Flex gap={8} className="not-printed">
            <MoveMenu request={request} />
            {request.state !== "closed" && (
              <>
                <Button size="small" onClick={() => setRemark("remark")}>
                  {t("remark")}
                </Button>
                <Button size="small" onClick={() => setRemark("postpone")}>
                  {t("postpone")}
                </Button>
              </>
            )}
            <Button size="small" icon={<PrinterOutlined />} onClick={() => window.print()}>
              {t("print")}
            </Button>
          </Flex>
        }
      >
        <blockquote className="complaints-words">{request.text}</blockquote>
        <Descriptions size="small" column={2} items={items} />
      </Card>
      <Card title={<h2>{t("calls")}</h2>} size="small">
        <Calls request={request} />
      </Card>
      <Card title={<h2>{t("story")}</h2>} size="small">
        <Timeline items={request.story.map((line, place) => ({ key: place, content: <Line line={line} /> }))} />
      </Card>
      {remark && <RemarkDialog requestId={request.id} kind={remark} onClose={() => setRemark(null)} />}
    </div>
  );
}

function Calls({ request }: { request: Full }) {
  const { t } = useTranslation("complaints");
  if (request.calls.length === 0) return <p>{t("no_calls")}</p>;
  return (
    <ul className="complaints-calls">
      {request.calls.map((call) => (
        <li key={call.call_id}>
          {dayAndClock(call.linked_at)}{" "}
          {call.recording_id ? (
            <Link to="/recordings/$recordingId" params={{ recordingId: call.recording_id }} search={{ t: call.at_second ?? 0 } as never}>
              {t("listen")} {call.at_second !== null && t("at", { second: span(call.at_second) })}
            </Link>
          ) : (
            t("no_recording")
          )}
        </li>
      ))}
    </ul>
  );
}

function Line({ line }: { line: Full["story"][number] }) {
  const { t } = useTranslation("complaints");
  const told = line.detail as { text?: string; owner_name?: string; from?: string; to?: string; satisfied?: boolean };
  return (
    <>
      <strong>{t(`events.${line.kind}`)}</strong> {told.owner_name && t("to_owner", { name: told.owner_name })}{" "}
      {told.to && t("from_to", { from: told.from, to: told.to })}{" "}
      {told.satisfied !== undefined && (told.satisfied ? t("satisfied") : t("not_satisfied"))}
      <div className="complaints-who">
        {dayAndClock(line.at)} · {line.who ?? t("system")}
      </div>
      {told.text && <div>{told.text}</div>}
    </>
  );
}
