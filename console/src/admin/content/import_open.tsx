// One list: what its columns are read for, its rows with what is wrong or undecided, and the commands that write it or take it back.
import { Alert, Button, Descriptions, Popconfirm, Progress, Space, Tabs, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "../house/told";
import { ImportColumns } from "./import_columns";
import { ImportRows } from "./import_rows";
import { STATE_COLOURS } from "./imports";
import "./words";

type Import = Shape["ImportAnswer"];
type RowState = Shape["RowState"];

const ROW_STATES: readonly RowState[] = ["ready", "bad", "undecided", "applied", "undone", "left"];

export function ImportOpen({ id, back }: { id: string; back: () => void }) {
  const { t } = useTranslation("admin_content");
  const made = $api.useQuery("get", "/api/v1/imports/{import_id}", { params: { path: { import_id: id } } });
  return (
    <>
      <Button onClick={back}>{t("imports.back")}</Button>
      <Loaded query={made}>{(found) => <Opened made={found} />}</Loaded>
    </>
  );
}

function Opened({ made }: { made: Import }) {
  const { t } = useTranslation("admin_content");
  // The tab in front follows the list's state until the reader chooses one.
  const [chosen, setChosen] = useState<string>();
  const front = made.state === "read" ? "columns" : (made.counts["undecided"] ?? 0) > 0 ? "undecided" : (made.counts["bad"] ?? 0) > 0 ? "bad" : "all";
  const shown = ROW_STATES.filter((state) => (made.counts[state] ?? 0) > 0);
  const tab = chosen && (["columns", "all"].includes(chosen) || shown.includes(chosen as RowState)) ? chosen : front;
  const forgotten = made.rows_forgotten_at !== null;
  return (
    <>
      <h2>{made.file_name || t("imports.by_system")}</h2>
      <Descriptions
        size="small"
        bordered
        column={4}
        items={[
          { key: "kind", label: t("imports.kind"), children: t(`kinds.${made.kind}`) },
          { key: "source", label: t("imports.source"), children: made.source || "–" },
          { key: "at", label: t("imports.sent"), children: dayAndClock(made.created_at) },
          { key: "template", label: t("imports.template"), children: made.template ?? "–" },
          { key: "rows", label: t("imports.rows"), children: made.total },
          { key: "state", label: t("imports.state"), children: <Tag color={STATE_COLOURS[made.state]}>{t(`import_states.${made.state}`)}</Tag> },
          { key: "format", label: t("imports.format"), children: [made.format, made.encoding].filter(Boolean).join(" · ") },
          { key: "kept", label: t("imports.kept_until"), children: dayAndClock(made.rows_kept_until) },
        ]}
      />
      <Told made={made} />
      <Commands made={made} />
      {forgotten ? (
        <Alert type="info" showIcon title={t("imports.forgotten")} />
      ) : (
        <Tabs
          activeKey={tab}
          onChange={setChosen}
          items={[
            { key: "columns", label: t("imports.columns"), children: <ImportColumns key={made.id} made={made} /> },
            ...(made.state === "read" ? [] : [{ key: "all", label: t("imports.all_rows", { count: made.total }), children: <ImportRows key="all" made={made} /> }]),
            ...shown.map((state) => ({
              key: state,
              label: `${t(`row_states.${state}`)} ${made.counts[state]}`,
              children: <ImportRows key={state} made={made} state={state} />,
            })),
          ]}
        />
      )}
    </>
  );
}

function Told({ made }: { made: Import }) {
  const { t } = useTranslation("admin_content");
  const count = (name: string) => made.counts[name] ?? 0;
  if (made.state === "applying" || made.state === "undoing") {
    return (
      <div className="content-told" role="status">
        {t(`imports.moving.${made.state}`, { done: made.done })}
        <Progress percent={made.percent} status="active" aria-label={t("imports.progress", { file: made.file_name })} />
      </div>
    );
  }
  if (made.state === "read") {
    return (
      <Alert
        className="content-told"
        type="warning"
        showIcon
        title={t("imports.unmapped", { fields: made.missing.map((field) => t(`fields.${field as "name"}`)).join(t("comma")) })}
      />
    );
  }
  if (made.state === "checked") {
    return (
      <Alert
        className="content-told"
        type={count("bad") + count("undecided") > 0 ? "warning" : "success"}
        showIcon
        title={t("imports.checked", { ready: count("ready"), bad: count("bad"), undecided: count("undecided") })}
        description={t("imports.nothing_written")}
      />
    );
  }
  return (
    <Alert
      className="content-told"
      type={count("bad") + count("undecided") + count("plans_refused") + count("left") > 0 ? "warning" : "success"}
      showIcon
      title={t(`imports.ended.${made.state}`, { applied: count("applied"), undone: count("undone"), left: count("left") })}
      description={
        made.state === "applied" && (
          <>
            {t("imports.remaining", { bad: count("bad"), undecided: count("undecided") })}
            {made.template && ` ${t("imports.plans", { started: count("plans_started"), waiting: count("plans_waiting"), refused: count("plans_refused") })}`}
          </>
        )
      }
    />
  );
}

function Commands({ made }: { made: Import }) {
  const { t } = useTranslation("admin_content");
  const told = useTold();
  const path = { params: { path: { import_id: made.id } } };
  const apply = $api.useMutation("post", "/api/v1/imports/{import_id}/apply", {
    onSuccess: () => told.done(t("imports.applying"), "/imports"),
    onError: told.failed,
  });
  const undo = $api.useMutation("post", "/api/v1/imports/{import_id}/undo", {
    onSuccess: () => told.done(t("imports.undoing"), "/imports"),
    onError: told.failed,
  });
  const plans = $api.useMutation("post", "/api/v1/imports/{import_id}/plans", {
    onSuccess: () => told.done(t("imports.plans_again_told"), "/imports"),
    onError: told.failed,
  });
  const ready = made.counts["ready"] ?? 0;
  const bad = made.counts["bad"] ?? 0;
  const kept = made.rows_forgotten_at === null;
  const still = made.state === "checked" || made.state === "applied";
  return (
    <Space wrap className="content-told">
      {still && ready > 0 && kept && (
        <Popconfirm
          title={t("imports.apply_sure", { count: ready })}
          okText={t("imports.apply", { count: ready })}
          cancelText={t("not_now")}
          onConfirm={() => apply.mutate(path)}
        >
          <Button type="primary" loading={apply.isPending}>
            {t("imports.apply", { count: ready })}
          </Button>
        </Popconfirm>
      )}
      {bad > 0 && kept && (
        <>
          <Button href={`/api/v1/imports/${made.id}/errors?format=xlsx`} download>
            {t("imports.errors_file", { count: bad })}
          </Button>
          <Button href={`/api/v1/imports/${made.id}/errors?format=csv`} download>
            CSV
          </Button>
        </>
      )}
      {(made.counts["plans_refused"] ?? 0) > 0 && (
        <Button loading={plans.isPending} onClick={() => plans.mutate(path)}>
          {t("imports.plans_again")}
        </Button>
      )}
      {(still || made.state === "read") && (
        <Popconfirm
          title={t(made.state === "applied" ? "imports.undo_sure" : "imports.drop_sure")}
          okText={t(made.state === "applied" ? "imports.undo" : "imports.drop")}
          cancelText={t("not_now")}
          okButtonProps={{ danger: true }}
          onConfirm={() => undo.mutate(path)}
        >
          <Button danger loading={undo.isPending}>
            {t(made.state === "applied" ? "imports.undo" : "imports.drop")}
          </Button>
        </Popconfirm>
      )}
    </Space>
  );
}
