// Agents who ask for help, and a supervisor's answer.
import { App, Button } from "antd";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import { inWords } from "@/api/problem";
import { Since } from "@/shown/Since";
import type { Wall } from "./useWall";

interface Props {
  help: Wall["help"];
  names: ReadonlyMap<string, string>;
  joinable: ReadonlySet<string>;
  onJoin: (callId: string) => void;
  onDone: () => void;
}

export const HelpList = memo(function HelpList({ help, names, joinable, onJoin, onDone }: Props) {
  const { t } = useTranslation("wall");
  const { message } = App.useApp();
  const supervises = useHasRole("supervisor");
  const failed = (problem: unknown) => {
    const { title, detail } = inWords(problem);
    void message.error([title, detail].filter(Boolean).join(": "));
    onDone();
  };
  const told = (text: string) => () => {
    void message.success(text);
    onDone();
  };
  const take = $api.useMutation("post", "/api/v1/help-requests/{request_id}/take", { onSuccess: told(t("help.taken")), onError: failed });
  const close = $api.useMutation("post", "/api/v1/help-requests/{request_id}/close", { onSuccess: told(t("help.closed")), onError: failed });
  if (help.length === 0) return null;
  return (
    <section className="wall-card wall-help" aria-labelledby="wall-help">
      <h2 id="wall-help">{t("help.title")}</h2>
      <ul>
        {help.map((each) => {
          const params = { params: { path: { request_id: each.id } } };
          return (
            <li key={each.id}>
              <strong>{t("help.asks", { name: names.get(each.agent_id) ?? "" })}</strong>
              <Since instant={each.asked_at} />
              <span className="wall-detail">
                {each.taken_by ? t("help.coming", { name: each.taken_by_name }) : each.call_id ? t("help.in_call") : t("help.beside")}
              </span>
              {supervises && each.state === "open" && (
                <Button size="small" type="primary" loading={take.isPending} onClick={() => take.mutate(params)}>
                  {t("help.take")}
                </Button>
              )}
              {supervises && each.call_id && joinable.has(each.call_id) && (
                <Button size="small" onClick={() => onJoin(each.call_id!)}>
                  {t("help.join")}
                </Button>
              )}
              {supervises && (
                <Button size="small" loading={close.isPending} onClick={() => close.mutate(params)}>
                  {t("help.done")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
});
