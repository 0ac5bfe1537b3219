// What somebody found who looked at a doubtful follow-up.
import { useQueryClient } from "@tanstack/react-query";
import { App, Form, Input, Modal, Radio } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import { stale } from "./stale";
import "./words";

type Verdict = Shape["RealityCheckAnswer"]["verdict"];
const VERDICTS: readonly Verdict[] = ["real", "explained", "not_real", "unclear"];

export function CheckDialog({ followUp, onClose }: { followUp: Shape["DoubtfulAnswer"]; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [form] = Form.useForm<{ verdict: Verdict; text: string }>();
  const check = $api.useMutation("post", "/api/v1/quality/checks", {
    onSuccess: () => {
      void message.success(t("doubts.saved"));
      void stale(queries);
      onClose();
    },
  });
  return (
    <Modal
      open
      title={t("doubts.check_title")}
      okText={t("doubts.save")}
      confirmLoading={check.isPending}
      onCancel={onClose}
      onOk={() =>
        void form.validateFields().then((body) => check.mutate({ body: { ...body, subject_kind: followUp.subject_kind, subject_id: followUp.subject_id } }))
      }
    >
      <Form form={form} layout="vertical" initialValues={{ verdict: "unclear" }}>
        <Form.Item name="verdict" label={t("doubts.verdict")}>
          <Radio.Group vertical options={VERDICTS.map((each) => ({ value: each, label: t(`doubts.verdicts.${each}`) }))} />
        </Form.Item>
        <Form.Item name="text" label={t("doubts.text")} extra={t("doubts.text_help")} rules={[{ required: true, whitespace: true, message: t("doubts.text_missing") }]}>
          <Input.TextArea rows={3} maxLength={2000} />
        </Form.Item>
      </Form>
      {check.error !== null && <ProblemNote problem={check.error} />}
    </Modal>
  );
}
