// Was the call real: follow-ups that do not fit their line, by kind of doubt, each with a place to listen and a finding.
import { keepPreviousData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Alert, Button, Checkbox, Empty, Segmented, Table, Tag, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock, span } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { CheckDialog } from "./CheckDialog";
import { figure } from "./figures";
import { PeriodSelect } from "./PeriodSelect";
import "./words";

type FollowUp = Shape["DoubtfulAnswer"];
type Kind = Shape["FoundDoubtAnswer"]["kind"];

const KINDS: readonly Kind[] = [
  "form_without_call",
  "no_patient_speech",
  "short_talk",
  "answers_against_transcript",
  "one_number_many_patients",
  "identity_skipped",
];
const PAGE = 50;

export function Doubts() {
  const { t } = useTranslation("quality");
  const [days, setDays] = useState(30);
  const [kind, setKind] = useState<Kind | "all">("all");
  const [settled, setSettled] = useState(false);
  const [limit, setLimit] = useState(PAGE);
  const [checked, setChecked] = useState<FollowUp | null>(null);
  const query = $api.useQuery(
    "get",
    "/api/v1/quality/doubts",
    { params: { query: { days, settled, limit, ...(kind === "all" ? {} : { kind }) } } },
    { placeholderData: keepPreviousData },
  );
  const columns: TableColumnsType<FollowUp> = [
    { title: t("columns.at"), key: "at", width: 150, render: (_, row) => <span className="quality-number">{dayAndClock(row.at)}</span> },
    { title: t("columns.agent"), key: "agent", width: 140, render: (_, row) => row.agent_name || "–" },
    { title: t("columns.queue"), key: "queue", width: 150, render: (_, row) => row.queue_name || "–" },
    { title: t("columns.why"), key: "why", render: (_, row) => <Why row={row} /> },
    {
      title: t("columns.figures"),
      key: "figures",
      width: 170,
      render: (_, row) => (
        <span className="quality-number">
          {row.talk_seconds === null ? t("doubts.no_call") : span(row.talk_seconds)} /{" "}
          {row.speech_seconds === null ? t("doubts.no_transcript") : t("seconds", { value: figure(row.speech_seconds) })}
        </span>
      ),
    },
    {
      title: t("columns.actions"),
      key: "actions",
      width: 190,
      render: (_, row) => (
        <>
          <Button size="small" onClick={() => setChecked(row)}>
            {t("doubts.check")}
          </Button>
          <div className="quality-links">
            {row.recording_id && <Listen row={row} />}
            <Link to={`/patients/${row.patient_id}`}>{t("opens_patient")}</Link>
          </div>
        </>
      ),
    },
  ];
  const counts = query.data?.counts;
  return (
    <>
      <p className="quality-intro">{t("doubts.intro")}</p>
      <div className="quality-bar">
        <PeriodSelect value={days} of={[7, 30, 90, 366]} words="doubts.days" onChange={setDays} />
        <Checkbox checked={settled} onChange={(event) => setSettled(event.target.checked)}>
          {t("doubts.settled")}
        </Checkbox>
        <Segmented<Kind | "all">
          aria-label={t("columns.why")}
          value={kind}
          onChange={(value) => {
            setKind(value);
            setLimit(PAGE);
          }}
          options={[
            { value: "all", label: t("doubts.all") },
            ...KINDS.map((each) => ({ value: each, label: `${t(`doubts.kinds.${each}`)}${counts ? ` ${counts[each] ?? 0}` : ""}` })),
          ]}
        />
      </div>
      {query.data?.more && <Alert type="warning" showIcon title={t("doubts.too_many")} />}
      <Loaded query={query}>
        {(answer) => (
          <Table<FollowUp>
            size="small"
            rowKey="subject_id"
            columns={columns}
            dataSource={answer.follow_ups}
            pagination={false}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("doubts.none")} /> }}
          />
        )}
      </Loaded>
      {query.data?.next && limit < 200 && <Button onClick={() => setLimit(200)}>{t("more")}</Button>}
      {checked && <CheckDialog followUp={checked} onClose={() => setChecked(null)} />}
    </>
  );
}

function Why({ row }: { row: FollowUp }) {
  const { t } = useTranslation("quality");
  return (
    <>
      <ul className="quality-why">
        {row.doubts.map((doubt) => (
          <li key={doubt.kind}>
            <Tag color="warning">{t(`doubts.kinds.${doubt.kind}`)}</Tag>
            {t(`doubts.figures.${doubt.kind}`, { value: figure(doubt.figure) })}
          </li>
        ))}
        {row.contradictions.map((each) => (
          <li key={each.form_id + each.link_id} className="quality-quiet">
            {each.question ? said(each.question) : each.link_id} {t("doubts.written")} <b>{shown(each.written, t)}</b>, {t("doubts.heard")}{" "}
            <b>{shown(each.heard, t)}</b> ({span(each.at_second)})
          </li>
        ))}
      </ul>
      {row.checks.map((check) => (
        <div key={check.at} className="quality-quiet">
          <Tag>{t(`doubts.verdicts.${check.verdict}`)}</Tag>
          {check.text} ({t("doubts.by", { name: check.by_name, at: dayAndClock(check.at) })})
        </div>
      ))}
    </>
  );
}

function Listen({ row }: { row: FollowUp }) {
  const { t } = useTranslation("quality");
  const second = row.doubts.find((doubt) => doubt.at_second !== null)?.at_second ?? null;
  const address = `/recordings/${row.recording_id}`;
  return (
    <>
      <Link to={address} search={second === null ? {} : { t: Math.floor(second) }}>
        {second === null ? t("listen") : t("listen_at", { at: span(second) })}
      </Link>{" "}
    </>
  );
}

function shown(value: boolean | number | string | null, t: (key: "yes" | "no") => string): string {
  if (value === null) return "–";
  return typeof value === "boolean" ? t(value ? "yes" : "no") : String(value);
}
