// A form answered to try it: questions open and close as in a call, by the same rules; nothing of it leaves this page.
import { Button, Input, Radio } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { said, type Both } from "@/words";
import { missingQuestions, misfit, numberIn, openQuestions, questionsOf, type Answers, type Form, type Item, type Value } from "@/work/form_rules";
import { unitShown } from "@/work/units";
import "./words";

export function FormRun({ form }: { form: Form }) {
  const { t } = useTranslation("admin_content");
  const [answers, setAnswers] = useState<Answers>({});
  const [run, setRun] = useState(0);
  const open = openQuestions(form.items, answers);
  const missing = missingQuestions(form.items, answers);
  const give = (item: Item, value: Value | undefined) => setAnswers({ ...answers, [item.link_id]: value });
  return (
    <>
      <div className="admin-row">
        <span role="status">
          {t("forms.open_now", { open: open.length, all: questionsOf(form.items).length })} {t("forms.missing_now", { count: missing.length })}
        </span>
        <Button
          onClick={() => {
            setAnswers({});
            setRun(run + 1);
          }}
        >
          {t("forms.again")}
        </Button>
        <span className="admin-quiet">{t("forms.not_saved")}</span>
      </div>
      <ol key={run} className="content-run">
        {open.map((item) => (
          <li key={item.link_id}>
            <p id={`run-${item.link_id}`}>
              {said(item.text as unknown as Both)}
              {item.required && <span className="content-wrong"> *</span>}
            </p>
            {item.type === "choice" || item.type === "boolean" ? (
              <Choice item={item} value={answers[item.link_id]} give={(value) => give(item, value)} />
            ) : (
              <Typed item={item} give={(value) => give(item, value)} />
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

function Choice({ item, value, give }: { item: Item; value: Value | undefined; give: (value: Value) => void }) {
  const { t } = useTranslation("admin_content");
  const options =
    item.type === "boolean"
      ? [
          { value: true, label: t("forms.yes") },
          { value: false, label: t("forms.no") },
        ]
      : item.options.map((option) => ({ value: option.value, label: said(option.text as unknown as Both) }));
  return (
    <Radio.Group aria-labelledby={`run-${item.link_id}`} value={value} options={options} onChange={(event) => give(event.target.value as Value)} />
  );
}

function Typed({ item, give }: { item: Item; give: (value: Value | undefined) => void }) {
  const { t } = useTranslation("admin_content");
  const [text, setText] = useState("");
  const numeric = item.type === "integer" || item.type === "decimal";
  const value = text.trim() === "" ? undefined : numeric ? numberIn(text) : text.trim();
  const wrong = value === undefined ? "" : misfit(item, value);
  const typed = (written: string) => {
    setText(written);
    const meant = written.trim() === "" ? undefined : numeric ? numberIn(written) : written.trim();
    give(meant === undefined || misfit(item, meant) ? undefined : meant);
  };
  return (
    <>
      <Input
        className={item.type === "text" ? undefined : "content-short"}
        type={item.type === "date" ? "date" : "text"}
        inputMode={numeric ? "decimal" : undefined}
        aria-labelledby={`run-${item.link_id}`}
        aria-invalid={wrong !== ""}
        status={wrong ? "error" : ""}
        suffix={item.unit ? unitShown(item.unit) || undefined : undefined}
        value={text}
        onChange={(event) => typed(event.target.value)}
      />
      {wrong && (
        <span className="content-wrong" role="alert">
          {t(`misfits.${wrong}`, { least: item.minimum, most: item.maximum })}
        </span>
      )}
    </>
  );
}
