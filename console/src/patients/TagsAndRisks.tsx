// What rules and people say of the patient, each with its evidence; how he is contacted because of it; scores with every input.
import { Empty, Form, Input, InputNumber, Select, Switch, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day } from "@/shown/instants";
import { said, type Both } from "@/words";
import { word } from "./codes";
import { Because, Command, ReasonField, TextField } from "./Command";
import { Block } from "./Now";
import type { PartProps } from "./parts";
import { codeOfTag, known } from "./risk_words";

type Standing = Shape["StandingAnswer"];
type Input = Shape["InputAnswer"];

export default function TagsAndRisks({ patientId }: PartProps) {
  return (
    <div className="record-grid">
      <Tags patientId={patientId} />
      <Segments patientId={patientId} />
      <Risks patientId={patientId} />
    </div>
  );
}

function Tags({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const [ended, setEnded] = useState(false);
  const tags = $api.useQuery("get", "/api/v1/patients/{patient_id}/tags", { params: { path: { patient_id: patientId }, query: { ended } } });
  return (
    <Block
      title={t("tags.title")}
      extra={
        <Command<{ title: string; reason: string }>
          label={t("tags.add")}
          about={t("tags.add_about")}
          run={({ title, reason }) => api.POST("/api/v1/patients/{patient_id}/tags", { params: { path: { patient_id: patientId } }, body: { code: codeOfTag(title), title, reason } })}
        >
          <TextField name="title" label={t("tags.name")} max={60} />
          <ReasonField />
        </Command>
      }
    >
      <p>
        <Switch size="small" checked={ended} onChange={setEnded} aria-label={t("tags.ended")} /> {t("tags.ended")}
      </p>
      <Loaded query={tags} isEmpty={(found) => found.tags.length === 0} empty={t("tags.none")}>
        {({ tags: found }) => (
          <ul className="record-lines">
            {found.map((tag) => (
              <li key={tag.id}>
                <Tag color={tag.ended_at ? undefined : "blue"}>{said(tag.title as unknown as Both)}</Tag>
                <span className="quiet">{[word("tag_origin", tag.origin), t("since", { day: day(tag.since) }), tag.reason].filter(Boolean).join(" · ")}</span>
                {tag.ended_at && <div className="quiet">{t("tags.ended_at", { day: day(tag.ended_at), why: [word("tag_end", tag.end), tag.end_reason].filter(Boolean).join(", ") })}</div>}
                <Evidence of={tag.evidence} />
                {tag.origin === "hand" && !tag.ended_at && (
                  <span className="record-acts">
                    <Because
                      label={t("tags.remove")}
                      title={t("tags.remove_for", { name: said(tag.title as unknown as Both) })}
                      button={{ type: "link", danger: true }}
                      run={(reason) => api.POST("/api/v1/tags/{tag_id}/remove", { params: { path: { tag_id: tag.id } }, body: { reason } })}
                    />
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Block>
  );
}

function Evidence({ of }: { of: Record<string, unknown>[] }) {
  const { t } = useTranslation("patients");
  const concepts = $api.useQuery("get", "/api/v1/concepts", {}, { staleTime: Infinity });
  if (of.length === 0) return null;
  return (
    <details className="record-evidence">
      <summary>
        {t("tags.evidence")} ({of.length})
      </summary>
      <ul>
        {of.map((one, place) => (
          <li key={place}>{known(one, concepts.data?.concepts ?? [])}</li>
        ))}
      </ul>
    </details>
  );
}

function Segments({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/segments", { params: { path: { patient_id: patientId } } });
  return (
    <Block title={t("tags.segments")}>
      <Loaded query={found}>
        {(segments) => (
          <>
            {segments.segments.length === 0 && <p className="quiet">{t("tags.no_segments")}</p>}
            {segments.segments.map((one) => (
              <div key={one.segment}>
                <Tag>{one.title ? said(one.title) : one.segment}</Tag> <span className="quiet">{t("since", { day: day(one.since) })}</span>
                <Evidence of={one.evidence as Record<string, unknown>[]} />
              </div>
            ))}
            <ul className="record-lines">
              {segments.hours.length > 0 && <li>{t("tags.hours", { spans: segments.hours.map((one) => `${one.start.slice(0, 5)}–${one.end.slice(0, 5)}`).join(", ") })}</li>}
              {segments.by_person && <li>{t("tags.by_person")}</li>}
              {segments.slow_speech && <li>{t("tags.slow")}</li>}
              {segments.dialect && <li>{t("tags.dialect", { name: segments.dialect })}</li>}
              {segments.plans.length > 0 && <li>{t("tags.proposed", { names: segments.plans.join(", ") })}</li>}
            </ul>
          </>
        )}
      </Loaded>
    </Block>
  );
}

function Risks({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const risks = $api.useQuery("get", "/api/v1/patients/{patient_id}/risks", { params: { path: { patient_id: patientId } } });
  const models = $api.useQuery("get", "/api/v1/risk-models", {}, { staleTime: Infinity });
  return (
    <Block title={t("risks.title")} wide>
      <p className="quiet">{risks.data ? said(risks.data.notice) : t("reference_only")}</p>
      <Loaded query={risks} isEmpty={(found) => found.standings.length === 0} empty={t("none")}>
        {({ standings }) => (
          <div className="record-risks">
            {standings.map((one) => (
              <Score key={one.model} standing={one} patientId={patientId} model={models.data?.models.find((each) => each.id === one.model)} />
            ))}
          </div>
        )}
      </Loaded>
    </Block>
  );
}

function Score({ standing, patientId, model }: { standing: Standing; patientId: string; model: Shape["ModelAnswer"] | undefined }) {
  const { t } = useTranslation("patients");
  const { result, kept, lacks } = standing;
  const asked = model?.needs.filter((need) => need.stated && lacks.some((lack) => lack.input === need.input)) ?? [];
  const params = { path: { patient_id: patientId } };
  const title = said(standing.title);
  return (
    <section className="record-risk" aria-label={title}>
      <h3>{title}</h3>
      {result && (
        <p>
          <strong>
            {Math.round(result.value * 100) / 100} {result.unit === "1" ? "" : result.unit}
          </strong>{" "}
          {result.band_title && <Tag color="blue">{said(result.band_title)}</Tag>}
          {result.out_of_range && <Tag color="gold">{t("risks.out_of_range")}</Tag>}
        </p>
      )}
      {!standing.applies && <p className="quiet">{t("risks.not_applicable")}</p>}
      {lacks.length > 0 && <p className="quiet">{t("risks.lacks", { names: lacks.map((lack) => (lack.reason === "missing" ? said(lack.title) : `${said(lack.title)} (${said(lack.words)})`)).join("; ") })}</p>}
      {kept && (
        <p className="quiet">
          {t("risks.kept", { day: day(kept.assessed_at) })}: {Math.round(kept.value * 100) / 100} {kept.band_title ? said(kept.band_title) : ""}
          {kept.outdated && <Tag color="gold">{t("risks.outdated")}</Tag>}
          {kept.withdrawn_words && <Tag color="error">{t("risks.withdrawn", { why: said(kept.withdrawn_words) })}</Tag>}
        </p>
      )}
      {(result ?? kept) && <Inputs of={(result ?? kept)!.inputs} remarks={(result ?? kept)!.remarks} version={(result ?? kept)!.model_version} name={standing.model} />}
      <span className="record-acts">
        {result && (
          <Command
            label={t("risks.reckon")}
            title={`${t("risks.reckon")}: ${title}`}
            done={t("risks.reckoned")}
            about={said(result.notice)}
            run={() => api.POST("/api/v1/patients/{patient_id}/risk-assessments", { params, body: { model: standing.model, variant: "" } })}
          />
        )}
        {standing.applies && asked.length > 0 && (
          <Command<Record<string, string | number | boolean>>
            label={t("risks.facts")}
            title={t("risks.facts_for", { name: title })}
            about={t("risks.facts_about")}
            run={(typed) => {
              const facts = Object.fromEntries(Object.entries(typed).filter(([, value]) => value !== undefined && value !== null));
              return api.POST("/api/v1/patients/{patient_id}/risk-facts", { params, body: { facts } });
            }}
          >
            {asked.map((need) => (
              <Form.Item key={need.input} name={need.input} label={`${said(need.title)}${need.unit && need.unit !== "1" ? ` (${need.unit})` : ""}`}>
                {need.kind === "number" ? (
                  <InputNumber min={need.valid.lowest ?? undefined} max={need.valid.highest ?? undefined} />
                ) : need.kind === "yes_no" ? (
                  <Select
                    allowClear
                    options={[
                      { value: true, label: t("yes") },
                      { value: false, label: t("no") },
                    ]}
                  />
                ) : (
                  <Select allowClear options={Object.entries(need.choices).map(([value, label]) => ({ value, label: said(label) }))} />
                )}
              </Form.Item>
            ))}
          </Command>
        )}
      </span>
    </section>
  );
}

function Inputs({ of, remarks, version, name }: { of: Input[]; remarks: Both[]; version: number; name: string }) {
  const { t } = useTranslation("patients");
  const shown = (value: Input["value"]) => (typeof value === "boolean" ? t(value ? "yes" : "no") : typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
  if (of.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} />;
  return (
    <details className="record-evidence">
      <summary>{t("risks.show")}</summary>
      <table className="record-table">
        <thead>
          <tr>
            <th scope="col">{t("risks.input")}</th>
            <th scope="col">{t("risks.value")}</th>
            <th scope="col">{t("risks.taken")}</th>
            <th scope="col">{t("risks.origin")}</th>
            <th scope="col">{t("risks.weight")}</th>
          </tr>
        </thead>
        <tbody>
          {of.map((one) => (
            <tr key={one.input}>
              <th scope="row">{said(one.title)}</th>
              <td>
                {shown(one.value)} {one.unit === "1" ? "" : one.unit}
                {one.out_of_range && <Tag color="gold">{t("risks.out_of_range")}</Tag>}
              </td>
              <td>{one.taken_at && day(one.taken_at)}</td>
              <td>{said(one.origin_words)}</td>
              <td>{one.points !== null ? t("risks.points", { count: one.points }) : one.share !== null ? (one.share > 0 ? "+" : "") + Math.round(one.share * 100) / 100 : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {remarks.map((remark) => (
        <p key={remark.zh}>{said(remark)}</p>
      ))}
      <p className="quiet">{t("risks.version", { name, version })}</p>
    </details>
  );
}
