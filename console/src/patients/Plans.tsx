// The patient's follow-up plans: the contacts they make, and his own copy of each changed where he needs it otherwise.
import { Checkbox, Empty, Form, Input, Select, Table, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock } from "@/shown/instants";
import { said } from "@/words";
import { instantOf, typed } from "@/work/hospital_time";
import { choices, word } from "./codes";
import { Because, Command, ReasonField } from "./Command";
import { Block } from "./Now";
import type { PartProps } from "./parts";

type Row = Shape["PlanRow"];
type Plan = Shape["PlanAnswer"];
type Task = Shape["TaskAnswer"];

export default function Plans({ patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const plans = $api.useQuery("get", "/api/v1/patients/{patient_id}/plans", { params });
  const templates = $api.useQuery("get", "/api/v1/plan-templates", {}, { staleTime: Infinity });
  const title = (id: string) => templates.data?.templates.find((one) => one.id === id)?.title ?? id;
  return (
    <>
      <div className="record-bar">
        <Start patientId={patientId} templates={templates.data?.templates ?? []} />
      </div>
      <Loaded query={plans}>
        {({ plans: found }) =>
          found.length === 0 ? (
            <Empty
              image={Empty.PRESENTED_IMAGE_SIMPLE}
              description={
                <>
                  {t("plans.none")}
                  <br />
                  <span className="quiet">{t("plans.none_help")}</span>
                </>
              }
            />
          ) : (
            <div className="record-grid">
              {found.map((row) => (
                <One key={row.id} row={row} title={title(row.template_id)} />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

function One({ row, title }: { row: Row; title: string }) {
  const { t } = useTranslation("patients");
  const oversees = useHasRole("supervisor", "admin");
  const plan = $api.useQuery("get", "/api/v1/plans/{plan_id}", { params: { path: { plan_id: row.id } } });
  const params = { path: { plan_id: row.id } };
  const lasts = row.state === "running" || row.state === "paused";
  const named = (action: string) => t("plans.action_for", { action, plan: title });
  return (
    <Block
      wide
      title={title}
      extra={
        lasts && (
          <>
            {row.state === "running" ? (
              <Because label={t("plans.pause")} title={named(t("plans.pause"))} run={(reason) => api.POST("/api/v1/plans/{plan_id}/pause", { params, body: { reason } })} />
            ) : (
              <Because label={t("plans.resume")} title={named(t("plans.resume"))} run={(reason) => api.POST("/api/v1/plans/{plan_id}/resume", { params, body: { reason } })} />
            )}
            {row.newer_version !== null && oversees && (
              <Command<{ reason: string; discard?: boolean }>
                label={t("plans.upgrade")}
                title={named(t("plans.upgrade"))}
                run={({ reason, discard }) => api.POST("/api/v1/plans/{plan_id}/upgrade", { params, body: { reason, discard_changes: discard ?? false } })}
              >
                <ReasonField />
                {row.changed && (
                  <Form.Item name="discard" valuePropName="checked">
                    <Checkbox>{t("plans.discard")}</Checkbox>
                  </Form.Item>
                )}
              </Command>
            )}
            <Because
              label={t("plans.cancel")}
              title={named(t("plans.cancel"))}
              button={{ danger: true }}
              run={(reason) => api.POST("/api/v1/plans/{plan_id}/cancel", { params, body: { reason } })}
            />
          </>
        )
      }
    >
      <p>
        <Tag color={row.state === "running" ? "green" : row.state === "paused" ? "gold" : undefined}>{word("plan_state", row.state)}</Tag>
        {t("plans.anchor", { day: day(row.anchor_at) })} · {t("plans.version", { version: row.template_version })}
        {row.newer_version !== null && <Tag color="blue">{t("plans.newer", { version: row.newer_version })}</Tag>}
        {row.changed && <Tag>{t("plans.changed")}</Tag>}
      </p>
      <Loaded query={plan}>{(found) => <Contacts plan={found} lasts={lasts} />}</Loaded>
      <History planId={row.id} />
    </Block>
  );
}

function Contacts({ plan, lasts }: { plan: Plan; lasts: boolean }) {
  const { t } = useTranslation("patients");
  const steps = new Map(plan.tasks.map((task) => [task.step_key, task]));
  const rows = [...plan.tasks].sort((one, other) => Date.parse(one.target_at) - Date.parse(other.target_at));
  const waiting = plan.steps.filter((step) => !steps.has(step.key) && !plan.dropped.includes(step.key));
  return (
    <>
      <Table<Task>
        size="small"
        rowKey="id"
        dataSource={rows}
        pagination={{ pageSize: 12, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t("plans.step"), key: "step", render: (_, one) => <span translate="no">{one.step_key ?? "–"}</span> },
          { title: t("plans.when"), key: "when", render: (_, one) => day(one.target_at) },
          { title: t("plans.window"), key: "window", render: (_, one) => `${day(one.earliest_at)} – ${day(one.latest_at)}` },
          { title: t("plans.state"), key: "state", render: (_, one) => <Tag color={one.state === "completed" ? "green" : one.state === "lost_to_follow_up" ? "gold" : undefined}>{word("task_state", one.state)}</Tag> },
          {
            title: <span className="for-readers">{t("plans.move")}</span>,
            key: "acts",
            render: (_, one) =>
              lasts && one.step_key !== null && ["planned", "due", "queued"].includes(one.state) ? (
                <span className="record-acts">
                  <Move planId={plan.id} task={one} stepKey={one.step_key} />
                  <Because
                    label={t("plans.drop")}
                    title={t("plans.drop_for", { step: one.step_key })}
                    button={{ type: "link", danger: true }}
                    run={(reason) => api.POST("/api/v1/plans/{plan_id}/steps/{step_key}/drop", { params: { path: { plan_id: plan.id, step_key: one.step_key! } }, body: { reason } })}
                  />
                </span>
              ) : null,
          },
        ]}
      />
      {waiting.length > 0 && <p className="quiet">{t("plans.waiting", { steps: waiting.map((step) => step.key).join(", ") })}</p>}
      {plan.dropped.length > 0 && <p className="quiet">{t("plans.dropped", { steps: plan.dropped.join(", ") })}</p>}
    </>
  );
}

function Move({ planId, task, stepKey }: { planId: string; task: Task; stepKey: string }) {
  const { t } = useTranslation("patients");
  const field = (name: "earliest" | "target" | "latest") => (
    <Form.Item name={name} label={t(`plans.${name}`)} rules={[{ required: true, message: t("needed") }]}>
      <Input type="datetime-local" />
    </Form.Item>
  );
  return (
    <Command<{ earliest: string; target: string; latest: string; reason: string }>
      label={t("plans.move")}
      title={t("plans.move_for", { step: stepKey })}
      button={{ type: "link" }}
      initial={{ earliest: typed(task.earliest_at), target: typed(task.target_at), latest: typed(task.latest_at) }}
      run={({ earliest, target, latest, reason }) =>
        api.POST("/api/v1/plans/{plan_id}/steps/{step_key}/move", {
          params: { path: { plan_id: planId, step_key: stepKey } },
          body: { earliest_at: instantOf(earliest) ?? earliest, target_at: instantOf(target) ?? target, latest_at: instantOf(latest) ?? latest, reason },
        })
      }
    >
      {field("earliest")}
      {field("target")}
      {field("latest")}
      <ReasonField />
    </Command>
  );
}

function History({ planId }: { planId: string }) {
  const { t } = useTranslation("patients");
  const history = $api.useQuery("get", "/api/v1/plans/{plan_id}/history", { params: { path: { plan_id: planId } } });
  if (!history.data || history.data.history.length === 0) return null;
  return (
    <details className="record-evidence">
      <summary>
        {t("plans.history")} ({history.data.history.length})
      </summary>
      <ul>
        {history.data.history.map((line, place) => (
          <li key={place}>
            {dayAndClock(line.at)} · {word("plan_change", line.change)} {line.reason && <span className="quiet">{line.reason}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Start({ patientId, templates }: { patientId: string; templates: Shape["TemplateAnswer"][] }) {
  const { t } = useTranslation("patients");
  const visits = $api.useQuery("get", "/api/v1/patients/{patient_id}/encounters", { params: { path: { patient_id: patientId } } });
  return (
    <Command<{ template: string; encounter_id: string; purpose: Shape["Purpose"] }>
      label={t("plans.start")}
      initial={{ purpose: "care" }}
      run={(body) => api.POST("/api/v1/plans", { body })}
    >
      <Form.Item name="template" label={t("plans.template")} rules={[{ required: true, message: t("needed") }]}>
        <Select showSearch={{ optionFilterProp: "label" }} options={templates.map((one) => ({ value: one.id, label: one.title }))} />
      </Form.Item>
      <Form.Item name="encounter_id" label={t("plans.visit")} rules={[{ required: true, message: t("needed") }]}>
        <Select options={(visits.data?.encounters ?? []).map((one) => ({ value: one.id, label: [day(one.occurred_at), said(one.kind_title), one.department].join(" · ") }))} />
      </Form.Item>
      <Form.Item name="purpose" label={t("plans.purpose")}>
        <Select options={choices("purpose")} />
      </Form.Item>
    </Command>
  );
}
