// The call one is on as a supervisor: how, and out again. Always in sight.
import { App, Button, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { inWords } from "@/api/problem";
import { MODES, type Mode } from "./modes";
import type { WallCall } from "./useWall";

interface Props {
  call: WallCall;
  name: string;
  onDone: () => void;
}

export function MyVisit({ call, name, onDone }: Props) {
  const { t } = useTranslation("wall");
  const { message, modal } = App.useApp();
  const failed = (problem: unknown) => {
    const { title, detail } = inWords(problem);
    void message.error([title, detail].filter(Boolean).join(": "));
    onDone();
  };
  const change = $api.useMutation("post", "/api/v1/supervisions/{supervision_id}/mode", {
    onSuccess: (visit) => {
      void message.success(t("join.changed", { mode: t(`modes.${visit.mode}`) }));
      onDone();
    },
    onError: failed,
  });
  const leave = $api.useMutation("post", "/api/v1/supervisions/{supervision_id}/end", {
    onSuccess: () => {
      void message.success(t("join.left"));
      onDone();
    },
    onError: failed,
  });
  const visit = call.supervisor;
  if (!visit) return null;
  const params = { path: { supervision_id: visit.supervision_id } };
  const to = (mode: Mode) => {
    const go = () => change.mutate({ params, body: { mode } });
    if (mode !== "take_over") return go();
    modal.confirm({
      title: t("join.take_over_sure"),
      okText: t("join.take_over_yes"),
      cancelText: t("join.cancel"),
      onOk: go,
    });
  };
  return (
    <section className="wall-card wall-visit" aria-label={t("join.mine", { name })}>
      <strong>{t("join.mine", { name: name || t("join.unknown") })}</strong>
      {visit.state === "ringing" && <span className="wall-detail">{t("join.ringing")}</span>}
      <Radio.Group
        aria-label={t("join.mode")}
        optionType="button"
        buttonStyle="solid"
        value={visit.mode}
        disabled={visit.state !== "on_line" || change.isPending}
        onChange={(event) => to(event.target.value as Mode)}
        options={MODES.map((mode) => ({ value: mode, label: t(`modes.${mode}`), title: t(`mode_help.${mode}`) }))}
      />
      <Button danger loading={leave.isPending} onClick={() => leave.mutate({ params })}>
        {t("join.leave")}
      </Button>
    </section>
  );
}
