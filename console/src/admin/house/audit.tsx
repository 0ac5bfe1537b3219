// The audit log: searched by who, what, whose and when; and its chain, checked from the first link to the last.
import { Alert, Button, Descriptions, Form, Input, Progress, Select, Table, Tag } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { DayField } from "@/shown/DayField";
import { day, dayAndClock, clockWithSeconds, instantAt } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { useTold } from "./told";
import "./words";

type Row = Shape["AuditRowAnswer"];
type Asked = Omit<Shape["AuditAsk"], "limit">;

interface Filled {
  user_id?: string;
  action?: string;
  record_number?: string;
  subject?: string;
  since?: string;
  until?: string;
}

const DAY_MS = 86_400_000;

export default function Audit() {
  const { t } = useTranslation("admin_house");
  const [asked, setAsked] = useState<Asked>({});
  const [pages, setPages] = useState<number[]>([]);
  const users = $api.useQuery("get", "/api/v1/users");
  const actions = $api.useQuery("get", "/api/v1/audit/actions");
  const found = $api.useQuery("post", "/api/v1/audit/search", { body: { ...asked, before: pages.at(-1), limit: 50 } });
  const nobody = found.error && found.error.status === 404;
  return (
    <>
      <Chain />
      <h2>{t("audit.search")}</h2>
      <Form<Filled>
        layout="inline"
        className="admin-row"
        onFinish={(filled) => {
          setPages([]);
          setAsked({
            user_id: filled.user_id,
            action: filled.action,
            record_number: filled.record_number?.trim() || undefined,
            subject: filled.subject?.trim() || undefined,
            since: filled.since ? instantAt(filled.since, "00:00") : undefined,
            until: filled.until ? new Date(Date.parse(instantAt(filled.until, "00:00")) + DAY_MS).toISOString() : undefined,
          });
        }}
      >
        <Form.Item name="user_id">
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            style={{ width: 170 }}
            aria-label={t("audit.who")}
            placeholder={t("audit.who")}
            options={(users.data?.users ?? []).map((user) => ({ value: user.id, label: `${user.display_name} ${user.login}` }))}
          />
        </Form.Item>
        <Form.Item name="action">
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            style={{ width: 200 }}
            aria-label={t("audit.what")}
            placeholder={t("audit.what")}
            options={(actions.data?.actions ?? []).map((one) => ({ value: one, label: actionWords(t, one) }))}
          />
        </Form.Item>
        <Form.Item name="record_number">
          <Input style={{ width: 140 }} aria-label={t("audit.whose")} placeholder={t("audit.whose")} />
        </Form.Item>
        <Form.Item name="since">
          <DayField aria-label={t("audit.since")} placeholder={t("audit.since")} />
        </Form.Item>
        <Form.Item name="until">
          <DayField aria-label={t("audit.until")} placeholder={t("audit.until")} />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={found.isFetching}>
          {t("audit.find")}
        </Button>
      </Form>
      {nobody ? (
        <Alert type="info" showIcon title={t("audit.no_patient")} />
      ) : (
        <Loaded query={found} isEmpty={(page) => page.rows.length === 0 && pages.length === 0} empty={t("audit.none")}>
          {(page) => (
            <>
              <Table<Row>
                size="small"
                rowKey="position"
                dataSource={page.rows}
                pagination={false}
                expandable={{
                  expandedRowRender: (row) => <Detail row={row} />,
                  rowExpandable: (row) => Object.keys(row.detail).length > 0 || row.patient_id !== null,
                }}
                columns={[
                  { title: t("audit.at"), key: "at", width: 175, render: (_, row) => `${day(row.at)} ${clockWithSeconds(row.at)}` },
                  { title: t("audit.who"), key: "who", width: 150, render: (_, row) => row.user_name ?? t("audit.system") },
                  { title: t("audit.what"), key: "what", render: (_, row) => actionWords(t, row.action) },
                  { title: t("audit.subject"), key: "subject", render: (_, row) => <span className="admin-mono">{`${row.subject_kind} ${row.subject}`}</span> },
                ]}
              />
              <div className="admin-row" style={{ marginTop: 12 }}>
                <Button disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
                  {t("newer")}
                </Button>
                <Button disabled={page.before === null} onClick={() => page.before !== null && setPages([...pages, page.before])}>
                  {t("older")}
                </Button>
              </div>
            </>
          )}
        </Loaded>
      )}
    </>
  );
}

function actionWords(t: ReturnType<typeof useTranslation<"admin_house">>["t"], action: string): string {
  return t(`audit.actions.${action as "logged_in"}`, { defaultValue: action.replaceAll("_", " ") });
}

function Detail({ row }: { row: Row }) {
  const { t } = useTranslation("admin_house");
  return (
    <ul className="admin-mono">
      {row.patient_id && (
        <li>
          {t("audit.patient")}: {row.patient_id}
        </li>
      )}
      {Object.entries(row.detail).map(([name, value]) => (
        <li key={name}>
          {name}: {typeof value === "string" ? value : JSON.stringify(value)}
        </li>
      ))}
    </ul>
  );
}

function Chain() {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const chain = $api.useQuery("get", "/api/v1/audit/chain");
  const [share, setShare] = useState<number>();
  const [faults, setFaults] = useState<string[]>();
  const [problem, setProblem] = useState<unknown>();
  const stopped = useRef(false);

  async function check(sealed: number) {
    stopped.current = false;
    setFaults(undefined);
    setProblem(undefined);
    setShare(0);
    const found: string[] = [];
    let after = 0;
    try {
      for (;;) {
        const { data } = await api.POST("/api/v1/audit/checks", { body: { after } });
        if (!data) break;
        found.push(...data.faults);
        after = data.checked_to;
        setShare(sealed ? Math.min(100, Math.round((after / sealed) * 100)) : 100);
        if (data.done || stopped.current) break;
      }
      setFaults(found);
      if (found.length === 0) told.done(t("audit.whole"), "/audit/chain");
    } catch (thrown) {
      setProblem(thrown);
    }
    setShare(undefined);
  }

  return (
    <Loaded query={chain}>
      {(state) => (
        <>
          <Descriptions
            size="small"
            bordered
            column={4}
            items={[
              { key: "sealed", label: t("audit.sealed"), children: state.sealed },
              {
                key: "unsealed",
                label: t("audit.unsealed"),
                children: state.unsealed > 1000 ? <Tag color="error">{state.unsealed}</Tag> : state.unsealed,
              },
              { key: "signed", label: t("audit.signed"), children: state.signed_at ? dayAndClock(state.signed_at) : t("audit.not_signed") },
              {
                key: "check",
                label: t("audit.chain"),
                children: (
                  <Button size="small" loading={share !== undefined} onClick={() => void check(state.sealed)}>
                    {t("audit.check")}
                  </Button>
                ),
              },
            ]}
          />
          <div aria-live="polite">
            {share !== undefined && <Progress percent={share} aria-label={t("audit.checking")} />}
            {problem !== undefined && <ProblemNote problem={problem} retry={() => void check(state.sealed)} />}
            {faults?.length === 0 && <Alert type="success" showIcon title={t("audit.whole_long", { count: state.sealed })} />}
            {faults && faults.length > 0 && (
              <Alert
                type="error"
                showIcon
                title={t("audit.faults", { count: faults.length })}
                description={
                  <ul lang="en">
                    {faults.slice(0, 50).map((fault) => (
                      <li key={fault}>{fault}</li>
                    ))}
                  </ul>
                }
              />
            )}
          </div>
        </>
      )}
    </Loaded>
  );
}
