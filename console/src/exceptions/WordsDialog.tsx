// Everything about an exception that needs words or a name: settling, explaining, reviewing, trying again, giving it away.
import { App, Button, Form, Input, Modal, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { api, type Shape } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import { useMutation } from "@tanstack/react-query";
import type { Exception } from "./shown";

export type Act = "settle" | "explain" | "review" | "retry" | "replay" | "dismiss" | "assign";

interface Typed {
  because?: string;
  verdict?: "justified" | "not_justified";
  user?: string;
}

interface Props {
  act: Act;
  line: Exception;
  people: Shape["ExceptionPerson"][];
  onClose: () => void;
}

async function carryOut(act: Act, line: Exception, typed: Typed): Promise<unknown> {
  const because = typed.because?.trim() ?? "";
  const path = { kind: line.kind, subject: line.subject };
  switch (act) {
    case "settle":
      return api.POST("/api/v1/exceptions/{kind}/{subject}/settle", { params: { path }, body: { because } });
    case "assign":
      return api.POST("/api/v1/exceptions/{kind}/{subject}/owner", { params: { path }, body: { user_id: typed.user ?? "" } });
    case "explain":
      return api.POST("/api/v1/recording-gaps/{gap_id}/explain", { params: { path: { gap_id: line.subject } }, body: { because } });
    case "retry":
      return api.POST("/api/v1/recordings/{recording_id}/try-again", { params: { path: { recording_id: line.subject } }, body: { because } });
    case "review":
      return api.POST("/api/v1/broken-glasses/{glass_id}/review", {
        params: { path: { glass_id: line.subject } },
        body: { review: typed.verdict ?? "justified", text: because },
      });
    case "replay":
      return api.POST("/api/v1/parked-tasks/{parked_id}/replay", { params: { path: { parked_id: line.subject } }, body: { because } });
    case "dismiss":
      return api.POST("/api/v1/parked-tasks/{parked_id}/dismiss", { params: { path: { parked_id: line.subject } }, body: { because } });
  }
}

export function WordsDialog({ act, line, people, onClose }: Props) {
  const { t } = useTranslation("exceptions");
  const { message } = App.useApp();
  const [form] = Form.useForm<Typed>();
  const verdict = Form.useWatch("verdict", form);
  const send = useMutation({
    mutationFn: (typed: Typed) => carryOut(act, line, typed),
    onSuccess: (_, typed) => {
      const name = people.find((person) => person.user_id === typed.user)?.name ?? "";
      void message.success(act === "assign" ? t("assigned", { name }) : act === "settle" ? t("done") : t("act.saved"));
      onClose();
    },
  });
  const title = { settle: t("settle"), assign: t("assign_title"), explain: t("act.explain"), review: t("act.review"), retry: t("act.retry"), replay: t("act.replay"), dismiss: t("act.dismiss") }[act];
  const wordsWanted = act !== "assign" && !(act === "review" && verdict !== "not_justified");
  return (
    <Modal open title={`${t(`kinds.${line.kind}`)} · ${title.replace("…", "")}`} footer={null} onCancel={onClose}>
      <Form<Typed> form={form} layout="vertical" requiredMark={false} initialValues={{ verdict: "justified" }} onFinish={(typed) => send.mutate(typed)}>
        <p>{t(`help.${line.kind}`)}</p>
        {act === "assign" && (
          <Form.Item name="user" label={t("owner")} rules={[{ required: true, message: t("choose") }]}>
            <Select
              showSearch={{ optionFilterProp: "label" }}
              placeholder={t("choose")}
              options={people.filter((person) => person.can_own).map((person) => ({ value: person.user_id, label: person.name }))}
            />
          </Form.Item>
        )}
        {act === "review" && (
          <Form.Item name="verdict" label={t("act.verdict")}>
            <Radio.Group
              options={[
                { value: "justified", label: t("act.justified") },
                { value: "not_justified", label: t("act.not_justified") },
              ]}
            />
          </Form.Item>
        )}
        {act !== "assign" && (
          <Form.Item
            name="because"
            label={t("act.because")}
            rules={[{ required: wordsWanted, min: act === "review" ? 5 : 3, whitespace: wordsWanted, message: t("act.because_missing") }]}
          >
            <Input.TextArea rows={3} maxLength={200} />
          </Form.Item>
        )}
        {send.error && <ProblemNote problem={send.error} />}
        <div className="exceptions-actions">
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={send.isPending}>
            {t("ok")}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}
