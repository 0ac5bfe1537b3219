// The questions of one form, by keys: 1 to 9 choose, Enter and the arrows move on, Delete takes back.
import { Input } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { said, type Both } from "@/words";
import { draft, give } from "./draft";
import { misfit, numberIn, type Item, type Value } from "./form_rules";
import type { Part } from "./hand";
import { focusBeside } from "./places";
import { unitShown } from "./units";

const TYPING_MS = 800;

export function Questions({ part, along }: { part: Part; along: boolean }) {
  const { t } = useTranslation("work");
  const left = Object.keys(part.skipped).length;
  return (
    <section className="questions" aria-label={said(part.form.title as unknown as Both)}>
      {along && <h3>{t("form.along", { title: said(part.form.title as unknown as Both) })}</h3>}
      {left > 0 && <p className="quiet">{t("form.left_out", { count: left })}</p>}
      <ol>
        {part.open.map((item, place) => (
          <Question key={item.link_id} taskId={part.task.id} item={item} number={place + 1} value={part.answers[item.link_id]} />
        ))}
      </ol>
    </section>
  );
}

interface Asked {
  taskId: string;
  item: Item;
  number: number;
  value: Value | undefined;
}

function Question({ taskId, item, number, value }: Asked) {
  const { t } = useTranslation("work");
  const refused = draft((state) => state.refused[item.link_id]);
  const label = `q-${taskId}-${item.link_id}`;
  const waits = value === undefined;
  const Field = item.type === "choice" || item.type === "boolean" ? Choice : Typed;
  return (
    <li className={`question${waits && item.required ? " waits" : ""}`}>
      <p id={label}>
        <span className="place">{number}</span> {said(item.text as unknown as Both)}
        {item.required && <span className="required" title={t("form.required")}>*</span>}
      </p>
      <Field taskId={taskId} item={item} value={value} label={label} />
      {refused && (
        <p className="refused" role="alert">
          {t("form.refused")} <span lang="en">{refused}</span>
        </p>
      )}
    </li>
  );
}

interface FieldOf {
  taskId: string;
  item: Item;
  value: Value | undefined;
  label: string;
}

function Choice({ taskId, item, value, label }: FieldOf) {
  const { t } = useTranslation("work");
  const options: { value: Value; text: string }[] =
    item.type === "boolean"
      ? [
          { value: true, text: t("form.yes") },
          { value: false, text: t("form.no") },
        ]
      : item.options.map((option) => ({ value: option.value, text: said(option.text as unknown as Both) }));
  const chosen = options.findIndex((option) => option.value === value);
  const pick = (place: number, from: HTMLElement, goOn: boolean) => {
    const option = options[place];
    if (!option) return;
    give(taskId, item.link_id, option.value);
    // After the next questions have been opened or closed by this answer.
    if (goOn) requestAnimationFrame(() => focusBeside(from, 1));
  };
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    if (event.nativeEvent.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    const from = event.currentTarget;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (digit) pick(Number(digit) - 1, from, true);
    else if (event.key === "ArrowRight") pick(Math.min(options.length - 1, chosen + 1), from, false);
    else if (event.key === "ArrowLeft") pick(Math.max(0, chosen - 1), from, false);
    else if (event.key === "ArrowDown" || event.key === "Enter") focusBeside(from, 1);
    else if (event.key === "ArrowUp") focusBeside(from, -1);
    else if ((event.key === "Delete" || event.key === "Backspace") && value !== undefined) give(taskId, item.link_id, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      role="radiogroup"
      aria-labelledby={label}
      aria-required={item.required}
      aria-activedescendant={chosen >= 0 ? `${label}-${chosen}` : undefined}
      tabIndex={0}
      className="options"
      data-question={item.link_id}
      data-waits={value === undefined}
      onKeyDown={onKey}
    >
      {options.map((option, place) => (
        <span
          key={String(option.value)}
          id={`${label}-${place}`}
          role="radio"
          aria-checked={place === chosen}
          tabIndex={-1}
          className="option"
          onClick={(event) => pick(place, event.currentTarget.parentElement!, false)}
          onKeyDown={() => undefined}
        >
          <kbd>{place + 1}</kbd>
          {option.text}
        </span>
      ))}
    </div>
  );
}

function Typed({ taskId, item, value, label }: FieldOf) {
  const { t } = useTranslation("work");
  const [text, setText] = useState(value === undefined ? "" : String(value));
  const [wrong, setWrong] = useState<ReturnType<typeof misfit>>("");
  const timer = useRef(0);
  const typing = useRef(false);
  useEffect(() => {
    if (!typing.current) setText(value === undefined ? "" : String(value));
  }, [value]);
  const numeric = item.type === "integer" || item.type === "decimal";
  const settle = (written: string) => {
    clearTimeout(timer.current);
    typing.current = false;
    if (written.trim() === "") {
      setWrong("");
      if (value !== undefined) give(taskId, item.link_id, null);
      return true;
    }
    const given = numeric ? numberIn(written) : written.trim();
    const why = misfit(item, given);
    setWrong(why);
    if (why) return false;
    if (given !== value) give(taskId, item.link_id, given);
    return true;
  };
  const onChange = (written: string) => {
    typing.current = true;
    setText(written);
    setWrong("");
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => settle(written), TYPING_MS);
  };
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    if (event.nativeEvent.isComposing || event.altKey || event.ctrlKey) return;
    const lines = item.type === "text" && event.shiftKey;
    if (event.key === "Enter" && !lines) {
      event.preventDefault();
      if (settle(text)) focusBeside(event.currentTarget, 1);
    } else if (event.key === "ArrowDown" && item.type !== "date") {
      event.preventDefault();
      focusBeside(event.currentTarget, 1);
    } else if (event.key === "ArrowUp" && item.type !== "date") {
      event.preventDefault();
      focusBeside(event.currentTarget, -1);
    }
  };
  const shared = {
    value: text,
    "aria-labelledby": label,
    "aria-required": item.required,
    "aria-invalid": wrong !== "",
    "data-question": item.link_id,
    "data-waits": value === undefined,
    onKeyDown: onKey,
    onBlur: () => void settle(text),
  };
  const unit = item.unit ? unitShown(item.unit) || undefined : undefined;
  return (
    <div className="typed">
      {item.type === "text" ? (
        <Input.TextArea {...shared} rows={1} className="grows" maxLength={2000} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <Input
          {...shared}
          className="short"
          type={item.type === "date" ? "date" : "text"}
          inputMode={numeric ? "decimal" : undefined}
          suffix={unit}
          status={wrong ? "error" : ""}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      {numeric && item.minimum !== null && item.maximum !== null && <span className="quiet">{`${item.minimum}–${item.maximum}`}</span>}
      {wrong && (
        <span className="refused" role="alert">
          {t(`form.misfit.${wrong}`, { least: item.minimum, most: item.maximum })}
        </span>
      )}
    </div>
  );
}
