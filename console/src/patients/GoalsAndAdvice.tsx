// What was agreed on and how far it is; what he was told and may be told; what he is being taught.
import { Empty, Form, Input, Select, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day } from "@/shown/instants";
import { said, type Both } from "@/words";
import { choices, word } from "./codes";
import { Because, Command, DayField, ReasonField } from "./Command";
import { Block, None } from "./Now";
import type { PartProps } from "./parts";

export default function GoalsAndAdvice({ patientId }: PartProps) {
  return (
    <div className="record-grid">
      <Goals patientId={patientId} />
      <Education patientId={patientId} />
      <Advice patientId={patientId} />
    </div>
  );
}

const both = (text: unknown) => said(text as Both);

function Goals({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const goals = $api.useQuery("get", "/api/v1/patients/{patient_id}/goals", { params });
  const templates = $api.useQuery("get", "/api/v1/goal-templates", {}, { staleTime: Infinity });
  const offered = (templates.data?.templates ?? []).filter((one) => goals.data?.offered.includes(one.id));
  return (
    <Block
      title={t("goals.title")}
      extra={
        offered.length > 0 && (
          <Command<{ template: string; due_on?: string }>
            label={t("goals.set")}
            run={({ template, due_on }) => api.POST("/api/v1/patients/{patient_id}/goals", { params, body: { template, due_on: due_on || null, because: {}, targets: [] } })}
          >
            <Form.Item name="template" label={t("goals.template")} rules={[{ required: true, message: t("needed") }]}>
              <Select options={offered.map((one) => ({ value: one.id, label: said(one.title) }))} />
            </Form.Item>
            <DayField name="due_on" label={t("goals.due")} needed={false} />
          </Command>
        )
      }
    >
      <Loaded query={goals} isEmpty={(found) => found.goals.length === 0} empty={t("goals.none")}>
        {(found) => (
          <>
            {found.adherence && found.adherence.adherent !== null && <p>{t(found.adherence.adherent ? "goals.adherent" : "goals.not_adherent")}</p>}
            <ul className="record-lines">
              {found.goals.map((goal) => {
                const name = both(goal.title);
                const goalParams = { path: { goal_id: goal.id } };
                return (
                  <li key={goal.id}>
                    <Tag color={goal.state === "achieved" ? "green" : goal.state === "missed" ? "gold" : undefined}>{word("goal_state", goal.state)}</Tag>
                    <strong>{name}</strong> <span className="quiet">{t("now.due", { day: day(goal.due_on) })}</span>
                    <div className="quiet">{both(goal.action)}</div>
                    {goal.effects.map(
                      (effect) =>
                        effect.latest !== null && (
                          <div key={effect.code}>{t("goals.effect", { before: effect.before ?? "–", latest: effect.latest })}</div>
                        ),
                    )}
                    {goal.state === "active" && (
                      <span className="record-acts">
                        <Command<{ due_on: string; reason: string }>
                          label={t("goals.move")}
                          title={t("goals.move_for", { name })}
                          button={{ type: "link" }}
                          initial={{ due_on: goal.due_on }}
                          run={(body) => api.POST("/api/v1/goals/{goal_id}/changes", { params: goalParams, body })}
                        >
                          <DayField name="due_on" label={t("goals.due")} />
                          <ReasonField />
                        </Command>
                        <Because
                          label={t("goals.cancel")}
                          title={t("goals.cancel_for", { name })}
                          button={{ type: "link", danger: true }}
                          run={(reason) => api.POST("/api/v1/goals/{goal_id}/cancel", { params: goalParams, body: { reason } })}
                        />
                      </span>
                    )}
                  </li>
                );
              })}
            </ul>
          </>
        )}
      </Loaded>
    </Block>
  );
}

function Education({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/education", { params });
  const programmes = $api.useQuery("get", "/api/v1/education-programmes", {}, { staleTime: Infinity });
  const offered = (programmes.data?.programmes ?? []).filter((one) => found.data?.offered.includes(one.id));
  return (
    <Block
      title={t("goals.education")}
      extra={
        offered.length > 0 && (
          <Command<{ programme: string; moment: Shape["Moment"] }>
            label={t("goals.start")}
            run={(body) => api.POST("/api/v1/patients/{patient_id}/education", { params, body })}
          >
            <Form.Item name="programme" label={t("goals.programme")} rules={[{ required: true, message: t("needed") }]}>
              <Select options={offered.map((one) => ({ value: one.id, label: both(one.title) }))} />
            </Form.Item>
            <Form.Item noStyle shouldUpdate>
              {({ getFieldValue }) => {
                const moments = offered.find((one) => one.id === getFieldValue("programme"))?.moments ?? [];
                return (
                  <Form.Item name="moment" label={t("goals.moment")} rules={[{ required: true, message: t("needed") }]}>
                    <Select options={choices("moment").filter(({ value }) => moments.includes(value as Shape["Moment"]))} />
                  </Form.Item>
                );
              }}
            </Form.Item>
          </Command>
        )
      }
    >
      <Loaded query={found} isEmpty={(each) => each.plans.length === 0} empty={t("goals.no_education")}>
        {({ plans }) =>
          plans.map((plan) => {
            const programme = programmes.data?.programmes.find((one) => one.id === plan.programme_id);
            return (
              <div key={plan.id}>
                <h3>
                  {programme ? both(programme.title) : plan.programme_id} <span className="quiet">{word("moment", plan.moment)}</span>
                </h3>
                <ul className="record-lines">
                  {plan.lessons.map((lesson) => (
                    <li key={lesson.id}>
                      {both(programme?.lessons.find((one) => one.key === lesson.key)?.title) || lesson.key}{" "}
                      <span className="quiet">
                        {lesson.given_at ? t("goals.given_at", { day: day(lesson.given_at), way: word("way", lesson.way) }) : t("goals.lesson_due", { day: day(lesson.due_on) })}
                      </span>
                      {lesson.overdue && <Tag color="gold">{t("goals.lesson_overdue")}</Tag>}
                      {plan.teach_backs
                        .filter((back) => back.lesson_id === lesson.id)
                        .map((back) => (
                          <Tag key={back.response_id}>{word("understanding", back.understanding)}</Tag>
                        ))}
                      {!lesson.given_at && !plan.ended_at && (
                        <span className="record-acts">
                          <Command<{ way: Shape["LessonWay"] }>
                            label={t("goals.mark_given")}
                            button={{ type: "link" }}
                            initial={{ way: "call" }}
                            run={(body) =>
                              api.POST("/api/v1/education-plans/{plan_id}/lessons/{lesson_id}/given", { params: { path: { plan_id: plan.id, lesson_id: lesson.id } }, body })
                            }
                          >
                            <Way />
                          </Command>
                        </span>
                      )}
                    </li>
                  ))}
                </ul>
              </div>
            );
          })
        }
      </Loaded>
    </Block>
  );
}

function Way() {
  const { t } = useTranslation("patients");
  return (
    <Form.Item name="way" label={t("goals.way")} rules={[{ required: true, message: t("needed") }]}>
      <Select options={choices("way")} />
    </Form.Item>
  );
}

function Advice({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/advice", { params });
  return (
    <Block title={t("goals.advice")} wide>
      <Loaded query={found}>
        {({ advice, given, reminder }) => (
          <>
            <p className="quiet">{said(reminder)}</p>
            <h3>{t("goals.given")}</h3>
            {given.length === 0 && <p className="quiet">{t("goals.no_given")}</p>}
            <ul className="record-lines">
              {given.map((one) => (
                <li key={one.id}>
                  <span className="quiet">{t("goals.given_at", { day: day(one.given_at), way: word("way", one.way) })}</span> {one.text}
                  {one.withdrawn_at && <Tag color="error">{t("goals.taken_back")}</Tag>}
                </li>
              ))}
            </ul>
            <h3>{t("goals.offered")}</h3>
            {advice.length === 0 ? <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} /> : <None of={advice} />}
            {advice.map((choice) => (
              <details key={choice.article} className="record-evidence">
                <summary>
                  <Tag>{word("advice_kind", choice.kind)}</Tag>
                  {both(choice.title)} <span className="quiet">{word("fit", choice.fit)}</span>
                </summary>
                {choice.text && <p>{both(choice.text)}</p>}
                {choice.text && (
                  <Command<{ way: Shape["LessonWay"] }>
                    label={t("goals.give")}
                    title={t("goals.give_for", { name: both(choice.title) })}
                    initial={{ way: "call" }}
                    run={({ way }) => api.POST("/api/v1/patients/{patient_id}/advice", { params, body: { article: choice.article, way } })}
                  >
                    <Form.Item>
                      <Input.TextArea readOnly autoSize value={both(choice.text)} aria-label={t("goals.advice")} />
                    </Form.Item>
                    <Way />
                  </Command>
                )}
              </details>
            ))}
          </>
        )}
      </Loaded>
    </Block>
  );
}
