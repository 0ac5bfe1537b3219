// Forms: questions with both languages side by side and what opens them, how they are scored, and a run that saves nothing.
import { Alert, Button, Descriptions, Table, Tabs, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { said, type Both } from "@/words";
import type { Item } from "@/work/form_rules";
import { unitShown } from "@/work/units";
import { useChosen } from "./chosen";
import { FormRun } from "./form_run";
import { Status } from "./templates";
import "./content.css";
import "./words";

type Head = Shape["FormHeadAnswer"];
type Form = Shape["FormAnswer"];
type Score = Form["scores"][number];

export default function Forms() {
  const { t } = useTranslation("admin_content");
  const [open, choose] = useChosen("forms");
  const forms = $api.useQuery("get", "/api/v1/forms");
  if (open) return <FormOpen id={open} back={() => choose(undefined)} />;
  return (
    <Loaded query={forms} isEmpty={(found) => found.forms.length === 0} empty={t("forms.none")}>
      {(found) => (
        <>
          <p className="admin-quiet">{t("forms.shipped")}</p>
          <Table<Head>
            size="small"
            rowKey="id"
            dataSource={found.forms}
            pagination={false}
            columns={[
              {
                title: t("title"),
                key: "title",
                render: (_, one) => (
                  <Button type="link" className="content-link" onClick={() => choose(one.id)}>
                    {said(one.title as unknown as Both)}
                  </Button>
                ),
              },
              { title: t("number"), key: "id", render: (_, one) => <span className="admin-mono">{one.id}</span> },
              { title: t("version"), dataIndex: "version", width: 80, align: "right" },
              { title: t("status"), key: "status", width: 110, render: (_, one) => <Status status={one.status} /> },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}

function FormOpen({ id, back }: { id: string; back: () => void }) {
  const { t } = useTranslation("admin_content");
  const form = $api.useQuery("get", "/api/v1/forms/{form_id}", { params: { path: { form_id: id } } });
  return (
    <>
      <Button onClick={back}>{t("forms.back")}</Button>
      <Loaded query={form}>
        {(found) => (
          <>
            <h2>{said(found.title as unknown as Both)}</h2>
            <Descriptions
              size="small"
              bordered
              column={4}
              items={[
                { key: "id", label: t("number"), children: found.id },
                { key: "version", label: t("version"), children: found.version },
                { key: "status", label: t("status"), children: <Status status={found.status} /> },
                { key: "license", label: t("forms.license"), children: <span lang="en">{found.license || "–"}</span> },
                { key: "source", label: t("source"), span: 4, children: <span lang="en">{found.source}</span> },
              ]}
            />
            {found.sensitive && <Alert className="content-told" type="info" showIcon title={t("forms.sensitive")} />}
            <Tabs
              items={[
                { key: "questions", label: t("forms.questions"), children: <Questions form={found} /> },
                { key: "run", label: t("forms.run"), children: <FormRun key={`${found.id} ${found.version}`} form={found} /> },
                ...(found.scores.length > 0 ? [{ key: "scores", label: t("forms.scores"), children: <Scores form={found} /> }] : []),
              ]}
            />
          </>
        )}
      </Loaded>
    </>
  );
}

interface Line {
  item: Item;
  depth: number;
  number: string;
}

function linesOf(items: readonly Item[], before = "", depth = 0): Line[] {
  return items.flatMap((item, place) => {
    const number = `${before}${place + 1}`;
    return [{ item, depth, number }, ...linesOf(item.items, `${number}.`, depth + 1)];
  });
}

function Questions({ form }: { form: Form }) {
  const { t } = useTranslation("admin_content");
  const lines = linesOf(form.items);
  const numbers = new Map(lines.map((line) => [line.item.link_id, line]));
  const opens = ({ item }: Line) =>
    item.enable_when
      .map((condition) => {
        const of = numbers.get(condition.question);
        const number = of?.number ?? condition.question;
        if (condition.operator === "exists") return t(condition.answer ? "forms.when_answered" : "forms.when_not_answered", { number });
        const option = of?.item.options.find((one) => one.value === condition.answer);
        const answer =
          typeof condition.answer === "boolean" ? t(condition.answer ? "forms.yes" : "forms.no") : option ? said(option.text as unknown as Both) : String(condition.answer);
        return t("forms.when", { number, operator: condition.operator, answer });
      })
      .join(t(item.enable_behavior === "any" ? "forms.or" : "forms.and"));
  return (
    <Table<Line>
      size="small"
      rowKey={(line) => line.item.link_id}
      dataSource={lines}
      pagination={false}
      columns={[
        { title: t("forms.no_"), dataIndex: "number", width: 60 },
        { title: t("in_chinese"), key: "zh", render: (_, line) => <Asked line={line} language="zh" /> },
        { title: t("in_english"), key: "en", render: (_, line) => <Asked line={line} language="en" /> },
        {
          title: t("forms.type"),
          key: "type",
          width: 130,
          render: (_, { item }) => (
            <>
              {t(`types.${item.type}`)}
              {item.required && <Tag color="red">{t("forms.required")}</Tag>}
              {item.minimum !== null && item.maximum !== null && (
                <div className="admin-quiet">
                  {item.minimum}–{item.maximum} {item.unit ? unitShown(item.unit) : ""}
                </div>
              )}
            </>
          ),
        },
        { title: t("forms.opens"), key: "when", width: 190, render: (_, line) => opens(line) || "–" },
      ]}
    />
  );
}

function Asked({ line, language }: { line: Line; language: "zh" | "en" }) {
  const { t } = useTranslation("admin_content");
  const text = line.item.text[language];
  return (
    <div lang={language === "zh" ? "zh-CN" : "en"} style={{ paddingInlineStart: line.depth * 16 }}>
      {line.item.type === "group" ? <b>{text}</b> : text || <Tag color="error">{t("forms.untranslated")}</Tag>}
      {line.item.options.length > 0 && (
        <ol className="content-options">
          {line.item.options.map((option) => (
            <li key={option.value}>
              {option.text[language] || <Tag color="error">{t("forms.untranslated")}</Tag>}
              {option.score !== null && <span className="admin-quiet"> ({option.score})</span>}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function Scores({ form }: { form: Form }) {
  const { t } = useTranslation("admin_content");
  return (
    <Table<Score>
      size="small"
      rowKey="id"
      dataSource={form.scores}
      pagination={false}
      columns={[
        { title: t("title"), key: "title", render: (_, score) => said(score.text as unknown as Both) },
        { title: t("forms.method"), key: "method", render: (_, score) => t(`methods.${score.method}`, { count: score.items.length }) },
        { title: t("forms.missing_allowed"), dataIndex: "missing_allowed", align: "right" },
        {
          title: t("forms.bands"),
          key: "bands",
          render: (_, score) => (
            <ul className="content-lines">
              {score.bands.map((band) => (
                <li key={`${band.code} ${band.sex}`}>
                  ≥ {band.at_least}: {said(band.text as unknown as Both)}
                </li>
              ))}
            </ul>
          ),
        },
      ]}
    />
  );
}
