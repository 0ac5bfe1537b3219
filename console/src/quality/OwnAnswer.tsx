// An agent's answer to his score: acknowledged, or appealed against with a reason.
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { FullScore } from "./ScorePage";
import { stale } from "./stale";
import "./words";

export function OwnAnswer({ score }: { score: FullScore }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const [appealing, setAppealing] = useState(false);
  const [form] = Form.useForm<{ text: string }>();
  const path = { params: { path: { score_id: score.id } } };
  const ended = (words: "score.acknowledged" | "score.appeal_sent") => () => {
    setAppealing(false);
    void message.success(t(words));
    void stale(queries);
  };
  const acknowledge = $api.useMutation("post", "/api/v1/quality/scores/{score_id}/acknowledge", { onSuccess: ended("score.acknowledged") });
  const appeal = $api.useMutation("post", "/api/v1/quality/scores/{score_id}/appeal", { onSuccess: ended("score.appeal_sent") });
  return (
    <div className="quality-total">
      <Button type="primary" loading={acknowledge.isPending} onClick={() => acknowledge.mutate(path)}>
        {t("score.acknowledge")}
      </Button>
      <Button onClick={() => setAppealing(true)}>{t("score.appeal")}</Button>
      <span className="quality-quiet">{t("score.appeal_within")}</span>
      {acknowledge.error !== null && <ProblemNote problem={acknowledge.error} />}
      <Modal
        open={appealing}
        title={t("score.appeal_title")}
        okText={t("score.appeal")}
        confirmLoading={appeal.isPending}
        onCancel={() => setAppealing(false)}
        onOk={() => void form.validateFields().then((body) => appeal.mutate({ ...path, body }))}
      >
        <Form form={form} layout="vertical">
          <Form.Item name="text" label={t("score.appeal_text")} rules={[{ required: true, whitespace: true, message: t("score.appeal_missing") }]}>
            <Input.TextArea rows={4} maxLength={2000} />
          </Form.Item>
        </Form>
        {appeal.error !== null && <ProblemNote problem={appeal.error} />}
      </Modal>
    </div>
  );
}
