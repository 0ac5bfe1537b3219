// How long recordings are kept, what would be destroyed (dry run), who agreed to shorter times, proofs of destruction.
import { Alert, Button, Descriptions, Input, Modal, Table, Tabs, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { DayField } from "@/shown/DayField";
import { day, dayAndClock, instantAt, isoDay } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { useTold } from "./told";
import "./words";

type Rule = Shape["RetentionAnswer"]["rules"][number];
type Class = Shape["OutlookAnswer"]["classes"][number];
type Purge = Shape["PurgeAnswer"];

export default function Retention() {
  const { t } = useTranslation("admin_house");
  const rules = $api.useQuery("get", "/api/v1/retention");
  return (
    <Loaded query={rules}>
      {(found) => (
        <>
          <Alert
            type={found.purges ? "info" : "warning"}
            showIcon
            title={t(found.purges ? "retention.purges" : "retention.purges_not")}
            description={
              <>
                {t("retention.edition", { edition: found.edition })} {found.status !== "active" && <Tag color="warning">{t("windows.draft")}</Tag>}
                <div lang="en">{found.source}</div>
              </>
            }
          />
          <Tabs
            items={[
              { key: "rules", label: t("retention.rules"), children: <Rules rules={found.rules} /> },
              { key: "outlook", label: t("retention.outlook"), children: <Outlook rules={found.rules} /> },
              { key: "shorter", label: t("retention.shorter"), children: <Shorter edition={found.edition} /> },
              { key: "purges", label: t("retention.proofs"), children: <Purges rules={found.rules} /> },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}

function kept(t: ReturnType<typeof useTranslation<"admin_house">>["t"], keep: string): string {
  const found = /^(\d+)\s*([a-z]+)$/i.exec(keep) ?? /^P(\d+)([YMD])$/.exec(keep);
  if (!found) return keep === "for_ever" || keep === "forever" ? t("retention.for_ever") : keep;
  const unit = found[2]!.toLowerCase()[0];
  const count = Number(found[1]);
  return unit === "y" ? t("retention.years", { count }) : unit === "m" ? t("retention.months", { count }) : t("retention.days", { count });
}

function Rules({ rules }: { rules: Rule[] }) {
  const { t } = useTranslation("admin_house");
  return (
    <>
      <p className="admin-quiet">{t("retention.longest")}</p>
      <Table<Rule>
        size="small"
        rowKey="id"
        dataSource={rules}
        pagination={false}
        columns={[
          { title: t("retention.what"), key: "what", render: (_, rule) => said(rule.words) },
          { title: t("retention.keep"), key: "keep", width: 160, render: (_, rule) => kept(t, rule.keep) },
          {
            title: t("retention.holds_for"),
            key: "for",
            render: (_, rule) =>
              [
                ...rule.purposes.map((one) => t(`purposes.${one as "care"}`)),
                ...rule.departments,
                ...rule.outcomes.map((one) => t(`outcomes.${one as "no-answer"}`, one)),
                ...rule.alert_levels.map((one) => t(`levels.${one as "red"}`, one)),
                ...(rule.complaint ? [t("purposes.complaint")] : []),
              ].join(t("comma")) || t("retention.all"),
          },
        ]}
      />
    </>
  );
}

function size(bytes: number): string {
  return bytes > 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function Outlook({ rules }: { rules: Rule[] }) {
  const { t } = useTranslation("admin_house");
  const [on, setOn] = useState(() => isoDay(new Date()));
  const outlook = $api.useQuery("get", "/api/v1/retention/outlook", { params: { query: { at: instantAt(on, "23:59") } } });
  const words = new Map(rules.map((rule) => [rule.id, said(rule.words)]));
  return (
    <>
      <div className="admin-row">
        {t("retention.on")} <DayField aria-label={t("retention.on")} value={on} allowClear={false} onChange={(chosen) => chosen && setOn(chosen)} />
        <span className="admin-quiet">{t("retention.dry_run")}</span>
      </div>
      <Loaded query={outlook}>
        {(found) => (
          <>
            <Descriptions
              size="small"
              bordered
              column={3}
              style={{ marginBottom: 12 }}
              items={[
                { key: "due", label: t("retention.due"), children: found.due },
                { key: "bytes", label: t("retention.size"), children: size(found.due_bytes) },
                { key: "unsettled", label: t("retention.unsettled"), children: found.unsettled },
              ]}
            />
            <Table<Class>
              size="small"
              rowKey={(row) => `${row.rule} ${row.edition}`}
              dataSource={found.classes}
              locale={{ emptyText: t("retention.nothing_kept") }}
              pagination={false}
              columns={[
                { title: t("retention.what"), key: "rule", render: (_, row) => (row.rule ? (words.get(row.rule) ?? row.rule) : t("retention.for_ever")) },
                { title: t("retention.recordings"), dataIndex: "recordings", align: "right" },
                { title: t("retention.size"), key: "size", align: "right", render: (_, row) => size(row.bytes) },
                { title: t("retention.held"), dataIndex: "held", align: "right" },
                { title: t("retention.due"), dataIndex: "due", align: "right" },
                { title: t("retention.would_be_shorter"), dataIndex: "would_be_shorter", align: "right" },
                { title: t("retention.next"), key: "next", render: (_, row) => (row.next_until ? day(row.next_until) : "–") },
              ]}
            />
          </>
        )}
      </Loaded>
    </>
  );
}

function Shorter({ edition }: { edition: string }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const administers = useHasRole("admin");
  const confirmed = $api.useQuery("get", "/api/v1/retention/confirmations");
  const [open, setOpen] = useState(false);
  const [because, setBecause] = useState("");
  const confirm = $api.useMutation("post", "/api/v1/retention/confirmations", {
    onSuccess: (made) => {
      told.done(t("retention.confirmed", { count: made.shortened }), "/retention");
      setOpen(false);
    },
    onError: told.failed,
  });
  return (
    <>
      <p>{t("retention.shorter_help")}</p>
      {administers && <Button onClick={() => setOpen(true)}>{t("retention.confirm")}</Button>}
      <Loaded query={confirmed} isEmpty={(found) => found.confirmations.length === 0} empty={t("retention.nobody_confirmed")}>
        {(found) => (
          <ul>
            {found.confirmations.map((one) => (
              <li key={one.confirmed_at}>
                {dayAndClock(one.confirmed_at)} · {one.edition} · {t("retention.confirmed", { count: one.shortened })} · {one.because}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <Modal
        open={open}
        title={t("retention.confirm")}
        okText={t("retention.confirm")}
        okButtonProps={{ danger: true, disabled: because.trim().length < 10 }}
        confirmLoading={confirm.isPending}
        onCancel={() => setOpen(false)}
        onOk={() => confirm.mutate({ body: { edition, because: because.trim() } })}
      >
        <p>{t("retention.confirm_help", { edition })}</p>
        <label htmlFor="because">{t("retention.because")}</label>
        <Input.TextArea id="because" rows={3} maxLength={500} value={because} onChange={(event) => setBecause(event.target.value)} />
      </Modal>
    </>
  );
}

function Purges({ rules }: { rules: Rule[] }) {
  const { t } = useTranslation("admin_house");
  const purges = $api.useQuery("get", "/api/v1/purges", { params: { query: { limit: 200 } } });
  const words = new Map(rules.map((rule) => [rule.id, said(rule.words)]));
  return (
    <Loaded query={purges} isEmpty={(found) => found.purges.length === 0} empty={t("retention.no_proofs")}>
      {(found) => (
        <Table<Purge>
          size="small"
          rowKey="id"
          dataSource={found.purges}
          pagination={{ pageSize: 15, showSizeChanger: false, hideOnSinglePage: true }}
          columns={[
            { title: t("retention.recording"), key: "id", render: (_, row) => <span className="admin-mono">{row.recording_id}</span> },
            { title: t("retention.what"), key: "rule", render: (_, row) => words.get(row.rule) ?? row.rule },
            { title: t("retention.until"), key: "until", render: (_, row) => day(row.kept_until) },
            {
              title: t("state"),
              key: "state",
              render: (_, row) =>
                row.done_at ? t("retention.destroyed", { at: dayAndClock(row.done_at) }) : <Tag color="error">{row.trouble || t("retention.half")}</Tag>,
            },
          ]}
        />
      )}
    </Loaded>
  );
}
