// Results over the years: one thing on one axis with its range, the numbers beside it, every version of each.
import { Button, Empty, Form, Input, InputNumber, Modal, Select, Table, Tag } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock, instantAt, isoDay, clock } from "@/shown/instants";
import { serverNow } from "@/live/server_clock";
import { said, type Both } from "@/words";
import { choices, word } from "./codes";
import { Because, Command } from "./Command";
import { Mark } from "./Mark";
import { Block } from "./Now";
import type { PartProps } from "./parts";
import { TrendLine } from "./TrendLine";

type Trend = Shape["TrendAnswer"];
type Result = Shape["api__result_answers__ResultAnswer"];

export default function Results({ record, patientId }: PartProps) {
  const { t, i18n } = useTranslation("patients");
  const concepts = $api.useQuery("get", "/api/v1/concepts", {}, { staleTime: Infinity });
  const [code, setCode] = useState<string | undefined>(record.latest_results.find((one) => one.value !== null)?.code);
  const options = useMemo(() => {
    const latest = new Set(record.latest_results.map((one) => one.code));
    const panels = new Map<string, { value: string; label: string }[]>();
    for (const each of concepts.data?.concepts ?? []) {
      if (!latest.has(each.code)) continue;
      const panel = i18n.language === "en" ? each.panel_en : each.panel_zh;
      panels.set(panel, [...(panels.get(panel) ?? []), { value: each.code, label: i18n.language === "en" ? each.name_en : each.name_zh }]);
    }
    return [...panels].map(([label, of]) => ({ label, options: of }));
  }, [concepts.data, record.latest_results, i18n.language]);
  return (
    <div className="record-grid">
      <div className="wide record-bar">
        {code && <Select aria-label={t("results.pick")} className="record-pick" showSearch={{ optionFilterProp: "label" }} value={code} onChange={setCode} options={options} />}
        <Enter patientId={patientId} concepts={concepts.data?.concepts ?? []} />
      </div>
      {code ? (
        <OneTrend patientId={patientId} code={code} />
      ) : (
        <div className="wide">
          <Empty
            image={Empty.PRESENTED_IMAGE_SIMPLE}
            description={
              <>
                {t("results.none")}
                <br />
                <span className="quiet">{t("results.none_help")}</span>
              </>
            }
          />
        </div>
      )}
      <Classes patientId={patientId} />
    </div>
  );
}

function OneTrend({ patientId, code }: { patientId: string; code: string }) {
  const { t } = useTranslation("patients");
  const trends = $api.useQuery("get", "/api/v1/patients/{patient_id}/trends", { params: { path: { patient_id: patientId }, query: { code: [code] } } });
  return (
    <Loaded query={trends}>
      {({ trends: [trend] }) =>
        trend ? (
          <>
            <section className="record-block wide">
              <h2>
                {said(trend.name as unknown as Both)}
                {trend.unit !== "1" && ` (${trend.unit})`}
                {trend.line_by && <span className="quiet"> · {t(`results.line_by.${trend.line_by as "week"}`)}</span>}
              </h2>
              {trend.line.length > 1 && <TrendLine trend={trend} />}
              {trend.slope && (
                <p>
                  {trend.slope.clear
                    ? t("results.slope", {
                        per: t(`results.per.${trend.slope.per}`),
                        value: signed(trend.slope.value, trend.decimals),
                        low: signed(trend.slope.low, trend.decimals),
                        high: signed(trend.slope.high, trend.decimals),
                      })
                    : t("results.not_clear")}
                </p>
              )}
            </section>
            <Block title={t("results.table")}>
              <History trend={trend} />
            </Block>
            <Block title={t("results.years")}>
              <Years trend={trend} />
            </Block>
          </>
        ) : null
      }
    </Loaded>
  );
}

function signed(value: number, decimals: number): string {
  return `${value > 0 ? "+" : ""}${value.toFixed(decimals + 1)}`;
}

function History({ trend }: { trend: Trend }) {
  const { t } = useTranslation("patients");
  const [story, setStory] = useState<Result | null>(null);
  return (
    <>
      <Table<Result>
        size="small"
        rowKey="id"
        dataSource={[...trend.results].sort((one, other) => Date.parse(other.taken_at) - Date.parse(one.taken_at))}
        pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t("results.at"), key: "at", render: (_, one) => dayAndClock(one.taken_at) },
          { title: t("results.value"), key: "value", render: (_, one) => <Mark value={one.value} text={one.text} low={one.reference.low} high={one.reference.high} decimals={one.decimals} /> },
          { title: t("results.reference"), key: "reference", render: (_, one) => <Range one={one} /> },
          { title: t("results.setting"), key: "setting", render: (_, one) => word("setting", one.setting) },
          {
            title: <span className="for-readers">{t("results.history")}</span>,
            key: "more",
            render: (_, one) => (
              <span className="record-acts">
                {one.version > 1 ? (
                  <Button size="small" type="link" onClick={() => setStory(one)}>
                    {t("results.version", { count: one.version })}
                  </Button>
                ) : null}
                <Because
                  label={t("results.withdraw")}
                  title={`${t("results.withdraw_title")}: ${dayAndClock(one.taken_at)}`}
                  about={t("results.withdraw_about")}
                  button={{ type: "link", danger: true }}
                  run={(reason) => api.POST("/api/v1/results/{observation_id}/withdraw", { params: { path: { observation_id: one.id } }, body: { reason } })}
                />
              </span>
            ),
          },
        ]}
      />
      {trend.more && <p className="quiet">{t("results.more")}</p>}
      {story && <Versions result={story} onClose={() => setStory(null)} />}
    </>
  );
}

function Range({ one }: { one: Result }) {
  const { t } = useTranslation("patients");
  const { low, high } = one.reference;
  if (low === null && high === null) return <span className="quiet">–</span>;
  return (
    <>
      {low === null ? `≤ ${high}` : high === null ? `≥ ${low}` : `${low}–${high}`} <small className="quiet">{t(one.reference_is_own ? "results.own" : "results.usual")}</small>
    </>
  );
}

function Versions({ result, onClose }: { result: Result; onClose: () => void }) {
  const { t } = useTranslation("patients");
  const versions = $api.useQuery("get", "/api/v1/results/{observation_id}/versions", { params: { path: { observation_id: result.id } } });
  return (
    <Modal open title={`${t("results.history")}: ${said(result.name as unknown as Both)}`} footer={null} onCancel={onClose}>
      <Loaded query={versions}>
        {({ versions: found }) => (
          <ol className="record-lines">
            {found.map((one) => (
              <li key={one.id}>
                <Mark value={one.value} text={one.text} low={one.reference.low} high={one.reference.high} decimals={one.decimals} />{" "}
                <span className="quiet">
                  {dayAndClock(one.recorded_at)} · {t("results.sent", { value: `${one.sent_value} ${one.sent_unit}`.trim() })}
                  {one.superseded_at && ` · ${t("results.superseded")}`}
                </span>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </Modal>
  );
}

function Years({ trend }: { trend: Trend }) {
  const { t } = useTranslation("patients");
  const shown = (value: number | null) => (value === null ? "–" : value.toFixed(trend.decimals));
  return (
    <Table
      size="small"
      rowKey="year"
      dataSource={[...trend.years].reverse()}
      pagination={false}
      columns={[
        { title: t("results.year"), dataIndex: "year" },
        { title: t("results.count"), dataIndex: "count" },
        { title: t("results.lowest"), dataIndex: "lowest", render: shown },
        { title: t("results.median"), dataIndex: "median", render: shown },
        { title: t("results.highest"), dataIndex: "highest", render: shown },
        { title: t("results.last"), dataIndex: "last", render: shown },
        { title: t("results.change"), dataIndex: "change", render: (value: number | null) => (value === null ? "–" : signed(value, trend.decimals - 1)) },
      ]}
    />
  );
}

function Classes({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const classes = $api.useQuery("get", "/api/v1/patients/{patient_id}/result-classes", { params: { path: { patient_id: patientId } } });
  if (!classes.data || (classes.data.classes.length === 0 && classes.data.control.length === 0)) return null;
  return (
    <Block title={t("results.classes")} wide>
      <p className="quiet">{t("reference_only")}</p>
      <ul className="record-lines">
        {classes.data.classes.map((one) => (
          <li key={`${one.subject}${one.code}`}>
            <strong>{said(one.name as unknown as Both)}</strong>
            {one.isolated && ` · ${said(one.isolated as unknown as Both)}`}{" "}
            <span className="quiet">
              {Object.values(one.values).join(" / ")} · {day(one.taken_at)}
            </span>
          </li>
        ))}
        {classes.data.control.map((one) => (
          <li key={`${one.topic}${one.rule_set}`}>
            {one.rules} {one.in_force && <Tag color="blue">{t("results.in_force")}</Tag>}
            <strong>{word("control", one.control)}</strong> <span className="quiet">{day(one.taken_at)}</span>
          </li>
        ))}
      </ul>
    </Block>
  );
}

type Concept = Shape["ConceptAnswer"];

function Enter({ patientId, concepts }: { patientId: string; concepts: Concept[] }) {
  const { t, i18n } = useTranslation("patients");
  const english = i18n.language === "en";
  const now = new Date(serverNow());
  return (
    <Command<{ code: string; value: number; setting: "office" | "home" | "told"; on: string; at: string }>
      label={t("results.enter")}
      initial={{ setting: "office", on: isoDay(now), at: clock(now) }}
      run={async ({ code, value, setting, on, at }) => {
        const { data } = await api.POST("/api/v1/patients/{patient_id}/observations", {
          params: { path: { patient_id: patientId } },
          body: { taken_at: instantAt(on, at), setting, results: [{ code, value, unit: "" }] },
        });
        return data?.open_alerts.length ? t("results.raised", { count: data.open_alerts.length }) : t("results.enter_done");
      }}
    >
      <Form.Item name="code" label={t("results.pick")} rules={[{ required: true, message: t("needed") }]}>
        <Select showSearch={{ optionFilterProp: "label" }} options={concepts.map((each) => ({ value: each.code, label: `${english ? each.name_en : each.name_zh} (${each.unit === "1" ? "–" : each.unit})` }))} />
      </Form.Item>
      <Form.Item name="value" label={t("results.value")} rules={[{ required: true, message: t("needed") }]}>
        <InputNumber className="record-number" />
      </Form.Item>
      <Form.Item name="setting" label={t("results.setting")}>
        <Select options={choices("setting").filter(({ value }) => ["office", "home", "told"].includes(value))} />
      </Form.Item>
      <Form.Item label={t("results.at")} required>
        <span className="record-bar">
          <Form.Item name="on" noStyle rules={[{ required: true, message: t("needed") }]}>
            <Input type="date" aria-label={t("results.at")} />
          </Form.Item>
          <Form.Item name="at" noStyle rules={[{ required: true, message: t("needed") }]}>
            <Input type="time" aria-label={t("results.at")} />
          </Form.Item>
        </span>
      </Form.Item>
    </Command>
  );
}
