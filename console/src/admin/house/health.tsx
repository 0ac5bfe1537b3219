// The health of the installation: what runs, what waits for a person, what the doctor finds and how to mend it.
import { Alert, Button, Descriptions, Input, Modal, Space, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { clockWithSeconds, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { Since } from "@/shown/Since";
import { useTold } from "./told";
import "./words";

type Parked = Shape["ParkedTaskAnswer"];

const VERDICTS = { wrong: "error", note: "warning", good: "success" } as const;

export default function Health() {
  const { t } = useTranslation("admin_house");
  const administers = useHasRole("admin");
  const system = $api.useQuery("get", "/api/v1/system", undefined, { refetchInterval: 15_000 });
  return (
    <>
      <Loaded query={system}>
        {(found) => (
          <>
            {system.isError && <Alert type="warning" showIcon title={t("health.stale", { at: clockWithSeconds(found.as_of) })} />}
            <Descriptions
              size="small"
              bordered
              column={3}
              items={[
                {
                  key: "events",
                  label: t("health.events"),
                  children: (
                    <>
                      {found.events_waiting} {found.events_waiting_since && <Since instant={found.events_waiting_since} />}
                    </>
                  ),
                },
                { key: "parked", label: t("health.parked"), children: <Counted count={found.parked_tasks} /> },
                { key: "messages", label: t("health.parked_messages"), children: <Counted count={found.parked_messages} /> },
                { key: "trunks", label: t("health.trunks_down"), children: <Counted count={found.trunks_down} /> },
                { key: "audit", label: t("audit.unsealed"), children: found.unsealed_audit_rows },
                { key: "size", label: t("health.database"), children: `${(found.database_bytes / 1e6).toFixed(0)} MB` },
              ]}
            />
            <h2>{t("health.processes")}</h2>
            <Table
              size="small"
              rowKey="name"
              pagination={false}
              dataSource={found.processes}
              columns={[
                { title: t("health.process"), key: "name", render: (_, row) => t(`health.names.${row.name as "suifang-api"}`, { defaultValue: row.name }) },
                { title: t("health.connections"), dataIndex: "connections", align: "right", width: 140 },
                { title: t("health.since"), key: "since", width: 180, render: (_, row) => dayAndClock(row.since) },
              ]}
            />
            <h2>{t("health.nodes")}</h2>
            <Table
              size="small"
              rowKey="name"
              pagination={false}
              dataSource={found.nodes}
              locale={{ emptyText: t("health.no_nodes") }}
              columns={[
                { title: t("trunks.node"), dataIndex: "name" },
                {
                  title: t("state"),
                  key: "state",
                  render: (_, row) => <Tag color={row.silent ? "error" : "success"}>{t(row.silent ? "health.silent" : "health.living")}</Tag>,
                },
                { title: t("health.free_workers"), dataIndex: "free_workers", align: "right", width: 140 },
                { title: t("health.heard"), key: "heard", width: 180, render: (_, row) => dayAndClock(row.heartbeat_at) },
              ]}
            />
          </>
        )}
      </Loaded>
      <h2>{t("health.parked")}</h2>
      <ParkedTasks />
      {administers && <Findings />}
    </>
  );
}

function Counted({ count }: { count: number }) {
  return count ? <Tag color="error">{count}</Tag> : <>0</>;
}

function Findings() {
  const { t } = useTranslation("admin_house");
  const findings = $api.useQuery("get", "/api/v1/system/findings", undefined, { staleTime: 60_000 });
  return (
    <>
      <h2>{t("health.findings")}</h2>
      <div className="admin-row">
        <span className="admin-quiet">{t("health.findings_help")}</span>
        <Button size="small" loading={findings.isFetching} onClick={() => void findings.refetch()}>
          {t("health.again")}
        </Button>
      </div>
      <Loaded query={findings} isEmpty={(found) => found.findings.length === 0} empty={t("health.nothing_examined")}>
        {(found) => (
          <Table
            size="small"
            rowKey={(row) => row.subject + row.seen}
            pagination={false}
            dataSource={[...found.findings].sort((one, other) => rank(one.verdict) - rank(other.verdict))}
            columns={[
              {
                title: t("state"),
                key: "verdict",
                width: 90,
                render: (_, row) => <Tag color={VERDICTS[row.verdict as "good"]}>{t(`health.verdicts.${row.verdict as "good"}`)}</Tag>,
              },
              { title: t("health.subject"), key: "subject", width: 190, render: (_, row) => t(`health.subjects.${row.subject as "database"}`, { defaultValue: row.subject }) },
              {
                title: t("health.seen"),
                key: "seen",
                render: (_, row) => (
                  <span lang="en">
                    {row.seen}
                    {row.mend && (
                      <>
                        <br />→ {row.mend}
                      </>
                    )}
                  </span>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}

function rank(verdict: string): number {
  return ["wrong", "note", "good"].indexOf(verdict);
}

function ParkedTasks() {
  const { t } = useTranslation("admin_house");
  const administers = useHasRole("admin");
  const parked = $api.useQuery("get", "/api/v1/parked-tasks", { params: { query: { limit: 200 } } });
  const [open, setOpen] = useState<{ task: Parked; what: "replay" | "dismiss" }>();
  return (
    <>
      <Loaded query={parked} isEmpty={(found) => found.parked_tasks.length === 0} empty={t("health.no_parked")}>
        {(found) => (
          <Table<Parked>
            size="small"
            rowKey="id"
            dataSource={found.parked_tasks}
            pagination={{ pageSize: 10, showSizeChanger: false, hideOnSinglePage: true }}
            columns={[
              {
                title: t("health.task"),
                key: "name",
                render: (_, task) => (
                  <>
                    <strong>{task.name}</strong> <span className="admin-mono">{task.subject}</span>
                    <div lang="en">{task.reason}</div>
                  </>
                ),
              },
              { title: t("health.times"), dataIndex: "times", align: "right", width: 80 },
              { title: t("health.since"), key: "since", width: 160, render: (_, task) => dayAndClock(task.parked_at) },
              {
                title: t("actions"),
                key: "actions",
                width: 180,
                render: (_, task) =>
                  administers && (
                    <Space size={4}>
                      <Button size="small" onClick={() => setOpen({ task, what: "replay" })}>
                        {t("health.replay")}
                      </Button>
                      <Button size="small" onClick={() => setOpen({ task, what: "dismiss" })}>
                        {t("health.dismiss")}
                      </Button>
                    </Space>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      {open && <SettleForm {...open} close={() => setOpen(undefined)} />}
    </>
  );
}

function SettleForm({ task, what, close }: { task: Parked; what: "replay" | "dismiss"; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [because, setBecause] = useState("");
  const ended = {
    onSuccess: () => {
      told.done(t(what === "replay" ? "health.replayed" : "health.dismissed"), "/parked-tasks", "/system");
      close();
    },
    onError: told.failed,
  };
  const replay = $api.useMutation("post", "/api/v1/parked-tasks/{parked_id}/replay", ended);
  const dismiss = $api.useMutation("post", "/api/v1/parked-tasks/{parked_id}/dismiss", ended);
  return (
    <Modal
      open
      title={t(what === "replay" ? "health.replay" : "health.dismiss")}
      okText={t("save")}
      okButtonProps={{ disabled: because.trim().length < 3 }}
      confirmLoading={replay.isPending || dismiss.isPending}
      onCancel={close}
      onOk={() => (what === "replay" ? replay : dismiss).mutate({ params: { path: { parked_id: task.id } }, body: { because: because.trim() } })}
    >
      <p className="admin-mono">{task.name}</p>
      <label htmlFor="settle-because">{t(what === "replay" ? "health.what_mended" : "health.why_not")}</label>
      <Input id="settle-because" maxLength={200} value={because} onChange={(event) => setBecause(event.target.value)} />
    </Modal>
  );
}
