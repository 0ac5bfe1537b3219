// A walk through an automated call: what it says, then the key the walker presses; no telephone rings and nothing is kept.
import { Button, Space, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { said } from "@/words";
import { PERSON_KEY, start, walked, type Walk } from "./walking";
import "./words";

type Flow = Shape["FlowAnswer"];
type End = NonNullable<Shape["FlowStepAnswer"]["ending"]>;

export function Ending({ ending }: { ending: End }) {
  const { t } = useTranslation("admin_content");
  return (
    <>
      <Tag color="green">{t(`outcomes.${ending.outcome}`)}</Tag>
      {ending.task_result && <Tag>{t(`task_outcomes.${ending.task_result}`)}</Tag>}
    </>
  );
}

export function FlowWalk({ flow }: { flow: Flow }) {
  const { t } = useTranslation("admin_content");
  const [walk, setWalk] = useState<Walk>(() => start(flow));
  const here = flow.steps.find((step) => step.key === walk.at);
  const asks = here !== undefined && (Object.keys(here.keys).length > 0 || here.entry !== null);
  const go = (pressed: string) => setWalk(walked(flow, walk, pressed));
  return (
    <>
      <ol className="content-run" aria-live="polite">
        {walk.path.map((one, place) => {
          const step = flow.steps.find((each) => each.key === one.step);
          return (
            <li key={place}>
              {step?.says.map((line) => <div key={line.key}>{said(line.text)}</div>)}
              {one.pressed && (
                <div className="admin-quiet">
                  {one.pressed === "silence" ? t("flows.was_silent") : one.pressed === "entry" ? t("flows.was_entered") : t("flows.was_pressed", { pressed: one.pressed })}
                </div>
              )}
            </li>
          );
        })}
      </ol>
      {walk.person ? (
        <p role="status">{t("flows.person")}</p>
      ) : here?.ending ? (
        <p role="status">
          {t("flows.ended")} <Ending ending={here.ending} />
        </p>
      ) : (
        <Space wrap role="group" aria-label={t("flows.press")}>
          {here &&
            Object.keys(here.keys).map((pressed) => (
              <Button key={pressed} onClick={() => go(pressed)}>
                {t("flows.key", { pressed })}
              </Button>
            ))}
          {here?.entry && <Button onClick={() => go("entry")}>{t("flows.enter")}</Button>}
          {asks && <Button onClick={() => go(PERSON_KEY)}>{t("flows.key", { pressed: PERSON_KEY })}</Button>}
          <Button onClick={() => go("silence")}>{t(asks ? "flows.be_silent" : "flows.listen_on")}</Button>
        </Space>
      )}
      <p className="content-told">
        <Button onClick={() => setWalk(start(flow))}>{t("forms.again")}</Button> <span className="admin-quiet">{t("flows.nobody_called")}</span>
      </p>
    </>
  );
}
