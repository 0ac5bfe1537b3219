// The patient: who he is, always in sight; what has to be known of him once it is shown who is on the line.
import { AlertOutlined, CopyOutlined, LockOutlined, PrinterOutlined, UnlockOutlined } from "@ant-design/icons";
import { App, Button, Tag } from "antd";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { day, dayAndClock } from "@/shown/instants";
import { said } from "@/words";
import { printRecord, recordInWords } from "./follow_up_record";
import type { Own } from "./hand";
import { dayInYear } from "./hospital_time";
import { focusOn, RECORD } from "./places";
import { Sparkline } from "./Sparkline";
import { unitShown } from "./units";

type Glance = Shape["GlanceAnswer"];

export function PatientColumn({ own, onGlass }: { own: Own | undefined; onGlass: () => void }) {
  const { t } = useTranslation("work");
  useCommand("focus_record", () => focusOn(RECORD));
  return (
    // A column that scrolls has to be reached by keys.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section id={RECORD} className="work-column patient" aria-label={t("patient.title")} tabIndex={0}>
      {own?.patient ? <Seen own={own} patient={own.patient} onGlass={onGlass} /> : <p className="hint">{t("patient.none")}</p>}
    </section>
  );
}

interface Props {
  own: Own;
  patient: NonNullable<Own["patient"]>;
  onGlass: () => void;
}

function Seen({ own, patient, onGlass }: Props) {
  const { t } = useTranslation("work");
  const glance = own.glance;
  const sex = patient.sex === "male" || patient.sex === "female" ? t(`sex.${patient.sex}`) : null;
  return (
    <>
      <header className="banner">
        <h2>
          {patient.masked ? <LockOutlined aria-hidden /> : own.glass_open && own.speaker === "unknown" ? <UnlockOutlined aria-hidden /> : null} {patient.name}
        </h2>
        <span>{[sex, glance?.age === null || glance?.age === undefined ? null : t("age", { count: glance.age })].filter(Boolean).join(" · ")}</span>
        <span className="quiet">{t("patient.record_number", { number: patient.record_number })}</span>
        <span className="quiet">{patient.number}</span>
        {patient.language !== "zh" && <Tag>{t(`patient.languages.${patient.language === "en" ? "en" : "other"}`)}</Tag>}
        {!!glance?.open_alerts && (
          <Tag color="error" icon={<AlertOutlined />}>
            {t("patient.open_alerts", { count: glance.open_alerts })}
          </Tag>
        )}
        {!!glance?.open_requests && <Tag color="warning">{t("patient.open_requests", { count: glance.open_requests })}</Tag>}
        {!patient.masked && <Link to="/patients/$patientId" params={{ patientId: patient.id }}>{t("patient.whole_record")}</Link>}
      </header>
      {glance ? (
        <Known glance={glance} name={patient.name} />
      ) : (
        <div className="masked">
          <p>
            <LockOutlined aria-hidden /> {t("patient.masked")}
          </p>
          <KeyButton command="break_glass" size="small" onRun={onGlass}>
            {t("glass.open")}
          </KeyButton>
        </div>
      )}
      {own.tries.length > 0 && (
        <section className="block">
          <h3>{t("patient.tries", { count: own.tries.length })}</h3>
          <ul className="tries">
            {own.tries.slice(0, 4).map((each) => (
              <li key={each.at}>
                {dayAndClock(each.at)} · {each.outcome ? t(`outcomes.${each.outcome}`) : ""}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Known({ glance, name }: { glance: Glance; name: string }) {
  const { t } = useTranslation("work");
  const { visit, plan } = glance;
  return (
    <>
      <section className="block allergies">
        <h3>{t("patient.allergies")}</h3>
        {glance.allergies.length === 0 ? (
          <span className="quiet">{t("patient.no_allergies")}</span>
        ) : (
          glance.allergies.map((one) => (
            <Tag key={one.id} color={one.active ? "error" : "default"} title={one.note}>
              {one.name}
              {one.in_conflict && ` (${t("patient.in_conflict")})`}
            </Tag>
          ))
        )}
      </section>
      {glance.tags.length > 0 && (
        <section className="block" aria-label={t("patient.tags")}>
          {glance.tags.map((tag) => (
            <Tag key={tag.id} color="blue">
              {said(tag.title as { zh: string; en: string })}
            </Tag>
          ))}
        </section>
      )}
      {(plan || visit) && (
        <section className="block">
          <h3>{t("patient.plan")}</h3>
          {plan && (
            <p>
              <span lang="zh-CN">{plan.title}</span> · <strong>{`D${plan.day >= 0 ? "+" : ""}${plan.day}`}</strong>
              {plan.place !== null && ` · ${t("patient.step", { place: plan.place, steps: plan.steps })}`}
              {plan.next[0] && ` · ${t("patient.next", { day: day(plan.next[0].target_at) })}`}
            </p>
          )}
          {visit && (
            <p className="quiet">
              {[said(visit.kind_title), day(visit.occurred_at), visit.department, visit.ward, visit.doctor].filter(Boolean).join(" · ")}
            </p>
          )}
          {glance.conditions.length > 0 && <p>{glance.conditions.filter((one) => one.active).slice(0, 4).map((one) => one.name).join(", ")}</p>}
        </section>
      )}
      {glance.trends.length > 0 && <Trends trends={glance.trends} />}
      <section className="block">
        <h3>{t("patient.last")}</h3>
        {glance.follow_ups.length === 0 && <span className="quiet">{t("patient.no_last")}</span>}
        {glance.follow_ups.map((one, place) => (
          <FollowUp key={one.attempt_id} one={one} name={name} open={place === 0} />
        ))}
      </section>
    </>
  );
}

function Trends({ trends }: { trends: Glance["trends"] }) {
  const { t } = useTranslation("work");
  return (
    <section className="block">
      <h3>{t("patient.trends")}</h3>
      <table className="trends">
        <tbody>
          {trends.map((trend) => {
            const last = trend.points.at(-1);
            const shown = (value: number) => value.toFixed(trend.decimals);
            const line = trend.points.map((point) => shown(point.value)).join(", ");
            return (
              <tr key={trend.code}>
                <th scope="row">{said(trend.title)}</th>
                <td>
                  <Sparkline trend={trend} label={t("patient.trend", { values: line })} />
                </td>
                <td className={last && last.mark !== "normal" && last.mark !== null ? "outside" : ""}>
                  {last && (
                    <>
                      {last.mark === "high" ? "▲ " : last.mark === "low" ? "▼ " : ""}
                      {shown(last.value)} <small>{unitShown(trend.unit)}</small>
                    </>
                  )}
                </td>
                <td className="quiet">{last && dayInYear(last.at)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function FollowUp({ one, name, open }: { one: Glance["follow_ups"][number]; name: string; open: boolean }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const outcome = one.outcome ? t(`outcomes.${one.outcome}`) : "";
  const result = one.task_result ? t(`results.${one.task_result as "completed"}`) : "";
  const text = recordInWords({ name, at: one.at, agent: one.agent, outcome, result, text: one.note_text ?? "" });
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => message.success(t("copied")),
      () => message.error(t("not_copied")),
    );
  return (
    <details className="follow-up" open={open}>
      <summary>
        {day(one.at)} · {[outcome, result, one.agent].filter(Boolean).join(" · ")}
        {one.note_state === "draft" && <Tag>{t("patient.unsigned")}</Tag>}
      </summary>
      {one.note_text && <p className="note">{one.note_text}</p>}
      {one.note_text && (
        <span className="actions">
          <Button size="small" type="text" icon={<CopyOutlined />} onClick={copy}>
            {t("patient.copy")}
          </Button>
          <Button size="small" type="text" icon={<PrinterOutlined />} onClick={() => printRecord(text)}>
            {t("patient.print")}
          </Button>
        </span>
      )}
    </details>
  );
}
