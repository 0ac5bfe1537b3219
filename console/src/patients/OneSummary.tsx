// One stage summary: what was gathered, the two texts that people write, signature, prints and links.
import { Alert, Button, Form, Input, Select, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Problem } from "@/api/problem";
import { useHasRole } from "@/api/me";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { choices, word } from "./codes";
import { Because, Command, lookAgain } from "./Command";
import { Mark } from "./Mark";
import { Block, None } from "./Now";

const LINK_HOURS = 72;

type Summary = Shape["SummaryAnswer"];

export function OneSummary({ summaryId, onBack }: { summaryId: string; onBack: () => void }) {
  const { t } = useTranslation("patients");
  const summary = $api.useQuery("get", "/api/v1/summaries/{summary_id}", { params: { path: { summary_id: summaryId } } });
  return (
    <>
      <p>
        <Button type="link" onClick={onBack}>
          ← {t("summaries.back")}
        </Button>
      </p>
      <Loaded query={summary}>
        {(found) => (
          <div className="record-grid">
            <Words key={found.id} summary={found} />
            <Facts facts={found.facts} />
            <Prints summary={found} />
          </div>
        )}
      </Loaded>
    </>
  );
}

function Words({ summary }: { summary: Summary }) {
  const { t } = useTranslation("patients");
  const doctor = useHasRole("doctor");
  const [conclusion, setConclusion] = useState(summary.conclusion);
  const [nextSteps, setNextSteps] = useState(summary.next_steps);
  const [based, setBased] = useState(summary.version);
  const params = { path: { summary_id: summary.id } };
  const draft = summary.state === "draft";
  const dirty = conclusion !== summary.conclusion || nextSteps !== summary.next_steps;
  const save = $api.useMutation("put", "/api/v1/summaries/{summary_id}", {
    onSuccess: (kept) => {
      setBased(kept.version);
      lookAgain();
    },
  });
  const changed = save.error instanceof Problem && (save.error as Problem).code === "summary_changed";
  return (
    <Block
      wide
      title={`${summary.number} · ${t("summaries.period", { since: day(summary.since), until: day(summary.until) })}`}
      extra={
        <>
          <Tag color={summary.state === "signed" ? "green" : draft ? "gold" : undefined}>{word("summary_state", summary.state)}</Tag>
          {draft && (
            <>
              <Command label={t("summaries.again")} done={t("summaries.again_done")} run={async () => setBased((await api.POST("/api/v1/summaries/{summary_id}/gather", { params, body: { version: based } })).data!.version)} />
              <Because label={t("summaries.discard")} button={{ danger: true }} run={(reason) => api.POST("/api/v1/summaries/{summary_id}/discard", { params, body: { reason } })} />
            </>
          )}
          {summary.state === "signed" && doctor && (
            <>
              <Command<{ text: string }> label={t("summaries.addendum")} run={(body) => api.POST("/api/v1/summaries/{summary_id}/addenda", { params, body })}>
                <Form.Item name="text" label={t("summaries.text")} rules={[{ required: true, whitespace: true, message: t("needed") }]}>
                  <Input.TextArea autoSize={{ minRows: 3 }} maxLength={4000} />
                </Form.Item>
              </Command>
              <Because label={t("summaries.withdraw")} about={t("summaries.withdraw_about")} button={{ danger: true }} run={(reason) => api.POST("/api/v1/summaries/{summary_id}/withdraw", { params, body: { reason } })} />
            </>
          )}
        </>
      }
    >
      <label htmlFor="conclusion">
        <h3>{t("summaries.conclusion")}</h3>
      </label>
      {draft ? <Input.TextArea id="conclusion" autoSize={{ minRows: 3 }} maxLength={8000} value={conclusion} onChange={(event) => setConclusion(event.target.value)} /> : <p className="record-note">{summary.conclusion || t("none")}</p>}
      <label htmlFor="next_steps">
        <h3>{t("summaries.next_steps")}</h3>
      </label>
      {draft ? <Input.TextArea id="next_steps" autoSize={{ minRows: 2 }} maxLength={8000} value={nextSteps} onChange={(event) => setNextSteps(event.target.value)} /> : <p className="record-note">{summary.next_steps || t("none")}</p>}
      {summary.addenda.map((one) => (
        <p key={one.id} className="record-note">
          {one.text} <span className="quiet">{`${one.author_name} · ${dayAndClock(one.written_at)}`}</span>
        </p>
      ))}
      {summary.signed_at && <p>{t("summaries.signed_by", { name: summary.signer_name, at: dayAndClock(summary.signed_at) })}</p>}
      {summary.settled_because && <p className="quiet">{summary.settled_because}</p>}
      {save.error &&
        (changed ? (
          <Alert type="warning" showIcon title={t("summaries.conflict")} action={<Button onClick={() => { setBased(summary.version); lookAgain(); save.reset(); }}>{t("summaries.open")}</Button>} />
        ) : (
          <ProblemNote problem={save.error} />
        ))}
      {draft && (
        <div className="record-ends">
          <Button type={dirty ? "primary" : "default"} disabled={!dirty || !conclusion.trim()} loading={save.isPending} onClick={() => save.mutate({ params, body: { conclusion, next_steps: nextSteps, version: based } })}>
            {t("summaries.save")}
          </Button>
          {doctor ? (
            <Command
              label={t("summaries.sign")}
              about={t("summaries.sign_about")}
              button={{ type: "primary", size: "middle", disabled: dirty || !summary.conclusion }}
              run={() => api.POST("/api/v1/summaries/{summary_id}/sign", { params, body: { version: based } })}
            />
          ) : (
            <span className="quiet">{t("summaries.only_doctor")}</span>
          )}
        </div>
      )}
    </Block>
  );
}

function Facts({ facts }: { facts: Shape["StageFacts"] }) {
  const { t } = useTranslation("patients");
  const contacts = facts.contacts ?? [];
  const lines = (title: string, of: { key: string; words: React.ReactNode }[]) => (
    <Block title={title}>
      {of.length === 0 && <p className="quiet">{t("summaries.nothing")}</p>}
      <ul className="record-lines">
        {of.map((one) => (
          <li key={one.key}>{one.words}</li>
        ))}
      </ul>
    </Block>
  );
  return (
    <>
      {lines(
        t("summaries.goals"),
        (facts.goals ?? []).map((one, place) => ({ key: `${place}`, words: [said(one.name), said(one.target), one.latest, word("goal_state", one.state)].filter(Boolean).join(" · ") })),
      )}
      {lines(
        t("summaries.results"),
        (facts.results ?? []).map((one) => {
          const last = one.points.at(-1);
          return {
            key: one.code,
            words: (
              <>
                {said(one.name)} {last && <Mark value={last.value} low={last.low ?? null} high={last.high ?? null} decimals={one.decimals} />} {one.unit === "1" ? "" : one.unit}{" "}
                <span className="quiet">{last && `${day(last.at)} (${one.points.length})`}</span>
              </>
            ),
          };
        }),
      )}
      {lines(
        t("summaries.medicines"),
        (facts.medicines ?? []).map((one) => ({ key: one.name, words: [one.name, one.dose, one.covered == null ? "" : `${Math.round(one.covered * 100)}%`].filter(Boolean).join(" · ") })),
      )}
      {lines(
        t("summaries.conditions"),
        [...(facts.conditions ?? []), ...(facts.allergies ?? [])].map((one, place) => ({ key: `${place}`, words: one.name })),
      )}
      {lines(
        t("summaries.risks"),
        (facts.risks ?? []).map((one, place) => ({ key: `${place}`, words: [said(one.name), one.value, said(one.band)].filter(Boolean).join(" · ") })),
      )}
      {lines(
        t("summaries.advice"),
        (facts.advice ?? []).map((one, place) => ({ key: `${place}`, words: said(one.title) })),
      )}
      <Block title={t("summaries.contacts")}>
        <None of={contacts} />
        {contacts.length > 0 && <p>{t("summaries.reached", { count: contacts.length, reached: contacts.filter((one) => one.reached).length })}</p>}
        <ul className="record-lines">
          {contacts.slice(0, 10).map((one) => (
            <li key={one.at}>
              {day(one.at)} · {word("contact_way", one.way)}
            </li>
          ))}
        </ul>
      </Block>
    </>
  );
}

function Prints({ summary }: { summary: Summary }) {
  const { t } = useTranslation("patients");
  const params = { path: { summary_id: summary.id } };
  const prints = $api.useQuery("get", "/api/v1/summaries/{summary_id}/prints", { params });
  const links = $api.useQuery("get", "/api/v1/summaries/{summary_id}/links", { params }, { enabled: summary.state === "signed" });
  const sizes = (
    <>
      <Form.Item name="language" label={t("summaries.language")}>
        <Select
          options={[
            // eslint-disable-next-line no-restricted-syntax
            { value: "zh", label: "中文" },
            { value: "en", label: "English" },
          ]}
        />
      </Form.Item>
      <Form.Item name="size" label={t("summaries.size")}>
        <Select options={choices("paper_size")} />
      </Form.Item>
    </>
  );
  return (
    <Block
      wide
      title={t("summaries.printed")}
      extra={
        <>
          <Command<{ language: "zh" | "en"; size: Shape["PrintSize"] }> label={t("summaries.print")} initial={{ language: "zh", size: "normal" }} run={(body) => api.POST("/api/v1/summaries/{summary_id}/prints", { params, body })}>
            {sizes}
          </Command>
          {summary.state === "signed" && (
            <Command<{ language: "zh" | "en"; size: Shape["PrintSize"] }> label={t("summaries.send")} about={t("summaries.send_about")} done={t("summaries.sent")} initial={{ language: "zh", size: "normal" }} run={(body) => api.POST("/api/v1/summaries/{summary_id}/send", { params, body: { ...body, deliver: true, hours: LINK_HOURS } })}>
              {sizes}
            </Command>
          )}
        </>
      }
    >
      <Loaded query={prints}>
        {({ prints: found }) => (
          <>
            <None of={found} />
            <ul className="record-lines">
              {found.map((one) => (
                <li key={one.id}>
                  <Tag color={one.state === "ready" ? "green" : one.state === "failed" ? "error" : undefined}>{word("print_state", one.state)}</Tag>
                  {word("print_kind", one.kind)} · {t("summaries.ordinal", { count: one.ordinal })} · {word("paper_size", one.size)} <span className="quiet">{`${one.asked_name} · ${dayAndClock(one.asked_at)}`}</span>
                  {one.reason && <div className="quiet">{one.reason}</div>}
                  {one.state === "ready" && (
                    <a href={`/api/v1/prints/${one.id}/file`} target="_blank" rel="noreferrer">
                      {t("summaries.download")}
                    </a>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      {links.data && links.data.links.length > 0 && (
        <>
          <h3>{t("summaries.links")}</h3>
          <ul className="record-lines">
            {links.data.links.map((one) => (
              <li key={one.id}>
                {day(one.created_at)} · {one.ended_at ? t("people.link_ended") : one.opened_at ? t("people.link_opened", { at: dayAndClock(one.opened_at) }) : t("people.link_waits", { at: dayAndClock(one.expires_at) })}
              </li>
            ))}
          </ul>
          {links.data.links.some((one) => !one.ended_at) && <Command label={t("summaries.end_links")} button={{ danger: true }} run={() => api.POST("/api/v1/summaries/{summary_id}/links/end", { params })} />}
        </>
      )}
    </Block>
  );
}
