// What holds now: illnesses and allergies with their sources, what stands open, what comes next, the newest results.
import { Form, Input, Select, Tag } from "antd";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { useMe } from "@/api/me";
import { day, dayAndClock } from "@/shown/instants";
import { said } from "@/words";
import { choices, word } from "./codes";
import { Command, DayField, ReasonField, TextField } from "./Command";
import { Mark } from "./Mark";
import type { PartProps } from "./parts";
import { lineOf } from "./timeline_lines";

type Finding = Shape["api__history_answers__FindingAnswer"];
type Kind = Shape["HistoryKind"];

export default function Now({ record, patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const { next_task: next } = record;
  return (
    <div className="record-columns">
      <Block title={t("now.allergies")} extra={<AddEntry patientId={patientId} kind="allergy" />}>
        <Findings found={record.allergies} />
      </Block>
      <Block title={t("now.conditions")} extra={<AddEntry patientId={patientId} kind="condition" />}>
        {record.groups.length > 0 && (
          <p>
            {record.groups.map((group) => (
              <Tag key={group.id}>{said(group.title)}</Tag>
            ))}
          </p>
        )}
        <Findings found={record.conditions} />
      </Block>
      <Block title={t("now.next")}>
        <p>{next ? t("now.next_at", { day: day(next.target_at), from: day(next.earliest_at), until: day(next.latest_at) }) : <span className="quiet">{t("now.no_next")}</span>}</p>
        {record.plans.map((plan) => (
          <p key={plan.id}>
            <span lang="zh-CN">{plan.title ?? plan.template_id}</span> · {word("plan_state", plan.state)} · <span className="quiet">{t("plans.anchor", { day: day(plan.anchor_at) })}</span>
          </p>
        ))}
      </Block>
      <Block title={t("now.alerts")}>
        <None of={record.alerts} />
        {record.alerts.map((alert) => (
          <p key={alert.id}>
            <Tag color={alert.level === "red" ? "error" : "gold"}>{word("alert_level", alert.level)}</Tag>
            {word("alert_state", alert.state)} · <span className="quiet">{t("now.raised", { at: dayAndClock(alert.raised_at) })}</span>
          </p>
        ))}
      </Block>
      <Block title={t("now.requests")}>
        <None of={record.requests} />
        {record.requests.map((one) => (
          <p key={one.id}>
            <Request id={one.id}>{one.title ? said(one.title) : one.cause}</Request> · <span className="quiet">{t("now.due", { day: day(one.due_on) })}</span>
          </p>
        ))}
      </Block>
      <Block title={t("now.standing")}>
        <None of={record.standing} />
        <ul className="record-lines">
          {record.standing.slice(0, 12).map((item) => (
            <li key={`${item.kind}${item.id}`}>
              <small className="quiet">{said(item.kind_title)}</small> {said(item.title)} <span className="quiet">{lineOf(item)}</span>
            </li>
          ))}
        </ul>
      </Block>
      <Block title={t("now.latest")}>
        <None of={record.latest_results} />
        <table className="record-table">
          <tbody>
            {record.latest_results.map((one) => (
              <tr key={one.id}>
                <th scope="row">{said(one.title)}</th>
                <td>
                  <Mark value={one.value} low={one.reference_low} high={one.reference_high} /> {one.unit === "1" ? "" : one.unit}
                </td>
                <td className="quiet">{day(one.taken_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Block>
      <Block title={t("now.procedures")} extra={<AddEntry patientId={patientId} kind="procedure" />}>
        <Findings found={record.procedures} />
      </Block>
      <Block title={t("now.family")} extra={<AddEntry patientId={patientId} kind="family" />}>
        <Findings found={record.family} />
      </Block>
    </div>
  );
}

/** A request's page is for agents and those above them. */
function Request({ id, children }: { id: string; children: ReactNode }) {
  const opens = useHasRole("agent", "supervisor", "admin");
  return opens ? (
    <Link to="/complaints/$requestId" params={{ requestId: id }}>
      {children}
    </Link>
  ) : (
    <>{children}</>
  );
}

export function Block({ title, extra, children, wide }: { title: string; extra?: ReactNode; children: ReactNode; wide?: boolean }) {
  return (
    <section className={wide ? "record-block wide" : "record-block"}>
      <h2>
        {title}
        {extra && <span className="record-extra">{extra}</span>}
      </h2>
      {children}
    </section>
  );
}

export function None({ of }: { of: readonly unknown[] }) {
  const { t } = useTranslation("patients");
  return of.length === 0 ? <p className="quiet">{t("none")}</p> : null;
}

function Findings({ found }: { found: Finding[] }) {
  const { t } = useTranslation("patients");
  const me = useMe();
  const doctor = useHasRole("doctor");
  return (
    <>
      <None of={found} />
      <ul className="record-lines">
        {found.map(({ holds, others, in_conflict: conflict }) => {
          const own = holds.source === `hand:${me.data?.user_id}` || holds.source.startsWith("form:");
          const params = { path: { entry_id: holds.id } };
          return (
            <li key={holds.id}>
              <strong className={holds.state === "active" ? undefined : "record-past"}>{holds.name}</strong>{" "}
              <span className="quiet">
                {[
                  holds.relation,
                  holds.state === "active" ? "" : word("entry_state", holds.state),
                  holds.since && t("since", { day: day(holds.since) }),
                  said(holds.source_title),
                  holds.confirmed_at && t("now.confirmed", { day: day(holds.confirmed_at) }),
                  holds.decided && t("now.decided"),
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
              {holds.note && <div className="quiet">{holds.note}</div>}
              {conflict && (
                <div>
                  <Tag color="gold">{t("now.conflict")}</Tag>
                  {t("now.others", { words: others.map((one) => `${said(one.source_title)}: ${word("entry_state", one.state)}`).join(", ") })}
                </div>
              )}
              <span className="record-acts">
                <Command
                  label={t("now.confirm")}
                  title={t("now.confirm_for", { name: holds.name })}
                  button={{ type: "link" }}
                  run={() => api.POST("/api/v1/history/{entry_id}/confirmation", { params })}
                />
                {(doctor || own) && (
                  <Command<{ state: Shape["EntryState"]; reason: string }>
                    label={t("now.decide")}
                    title={t("now.decide_for", { name: holds.name })}
                    button={{ type: "link" }}
                    initial={{ state: holds.state }}
                    run={(body) => api.POST("/api/v1/history/{entry_id}/decision", { params, body })}
                  >
                    <Form.Item name="state" label={t("now.state")}>
                      <Select options={choices("entry_state")} />
                    </Form.Item>
                    <ReasonField />
                  </Command>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

function AddEntry({ patientId, kind }: { patientId: string; kind: Kind }) {
  const { t } = useTranslation("patients");
  const titles = { condition: "conditions", allergy: "allergies", procedure: "procedures", family: "family" } as const;
  return (
    <Command<{ name: string; note?: string; relation?: string; since?: string }>
      label={t("now.add")}
      title={`${t("now.add_title")}: ${t(`now.${titles[kind]}`)}`}
      run={({ name, note, relation, since }) =>
        api.POST("/api/v1/patients/{patient_id}/history", {
          params: { path: { patient_id: patientId } },
          body: { kind, name, code: "", state: "active", note: note ?? "", relation: relation ?? "", since: since || null },
        })
      }
    >
      <TextField name="name" label={t("now.name")} />
      {kind === "family" && <TextField name="relation" label={t("now.relation")} max={60} />}
      <DayField name="since" label={t("now.since")} needed={false} />
      <Form.Item name="note" label={t("now.note")}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 5 }} maxLength={500} />
      </Form.Item>
    </Command>
  );
}

