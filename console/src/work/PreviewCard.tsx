// Whom she would ring next and why, before anything is dialed: dial, or give it back with a reason.
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { lookAtCall } from "@/calls/call";
import { KeyButton } from "@/keyboard/KeyButton";
import { dayAndClock } from "@/shown/instants";
import { said, type Both } from "@/words";
import { openQuestions } from "./form_rules";
import type { Own } from "./hand";
import { Remaining } from "./Remaining";
import { useTold } from "./told";

const REASONS: Shape["SkipReason"][] = ["not_now", "later", "needs_another_agent", "record_incomplete"];

export function PreviewCard({ own }: { own: Own }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const [choosing, setChoosing] = useState(false);
  const attempt = own.attempt!;
  const skip = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/skip", {
    onSuccess: (_, { body }) => void message.info(t("preview.skipped", { reason: t(`preview.reasons.${body.reason as "later"}`) })),
    onError: told,
    onSettled: () => void lookAtCall(),
  });
  const give = (reason: Shape["SkipReason"]) => skip.mutate({ params: { path: { attempt_id: attempt.id } }, body: { reason, words: "" } });
  const forms = [own.form, ...own.taken_along.map((each) => each.form)].filter((form) => form !== null);
  return (
    <div className="preview">
      <h2>{t("preview.title")}</h2>
      <dl>
        <dt>{t("preview.why")}</dt>
        <dd>{forms.map((form) => said(form.title as unknown as Both)).join(", ") || own.queue?.name}</dd>
        <dt>{t("preview.queue")}</dt>
        <dd>{own.queue?.name}</dd>
        <dt>{t("preview.window")}</dt>
        <dd>{own.task && `${dayAndClock(own.task.target_at)} – ${dayAndClock(own.task.latest_at)}`}</dd>
        <dt>{t("preview.tries")}</dt>
        <dd>{own.tries.length === 0 ? t("preview.first") : t("preview.so_far", { count: own.tries.length })}</dd>
        {attempt.preview_until && (
          <>
            <dt>{t("preview.left")}</dt>
            <dd>
              <Remaining until={attempt.preview_until} />
            </dd>
          </>
        )}
      </dl>
      <div className="script">{own.script?.lines.slice(0, 2).map((line) => <p key={line.key}>{said(line.text)}</p>)}</div>
      {choosing ? (
        // Digits choose the reason; the first reason has the focus.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
        <div
          role="group"
          aria-label={t("preview.skip")}
          className="reasons"
          onKeyDown={(event) => {
            const reason = REASONS[Number(/^(?:Digit|Numpad)([1-4])$/.exec(event.code)?.[1] ?? 0) - 1];
            if (reason) give(reason);
            if (event.key === "Escape") setChoosing(false);
          }}
        >
          {REASONS.map((reason, place) => (
            <Button key={reason} autoFocus={place === 0} loading={skip.isPending} onClick={() => give(reason)}>
              <kbd>{place + 1}</kbd> {t(`preview.reasons.${reason as "later"}`)}
            </Button>
          ))}
        </div>
      ) : (
        <KeyButton command="skip_task" onRun={() => setChoosing(true)}>
          {t("preview.skip")}
        </KeyButton>
      )}
      {forms.map((form) => (
        <section key={form.id} className="quiet">
          <h3>{t("preview.questions", { title: said(form.title as unknown as Both) })}</h3>
          <ol>
            {openQuestions(form.items, {}).map((item) => (
              <li key={item.link_id}>{said(item.text as unknown as Both)}</li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}
