// Starting, pausing, resuming, stopping: what it means is said, and a reason is asked.
import { useMutation } from "@tanstack/react-query";
import { App, Button, Form, Input, Modal } from "antd";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { Campaign } from "./shown";

export type Switch = "start" | "pause" | "resume" | "stop";

const DONE = { start: "started", pause: "paused", resume: "resumed", stop: "stopped" } as const;

interface Props {
  campaign: Campaign;
  which: Switch;
  onClose: () => void;
}

export function SwitchDialog({ campaign, which, onClose }: Props) {
  const { t } = useTranslation("campaigns");
  const { message } = App.useApp();
  const press = useMutation({
    mutationFn: ({ reason }: { reason: string }) => {
      const told = { params: { path: { campaign_id: campaign.id } }, body: { reason } };
      switch (which) {
        case "start":
          return api.POST("/api/v1/campaigns/{campaign_id}/start", told);
        case "pause":
          return api.POST("/api/v1/campaigns/{campaign_id}/pause", told);
        case "resume":
          return api.POST("/api/v1/campaigns/{campaign_id}/resume", told);
        case "stop":
          return api.POST("/api/v1/campaigns/{campaign_id}/stop", told);
      }
    },
    onSuccess: () => {
      void message.success(t(`act.${DONE[which]}`));
      onClose();
    },
  });
  return (
    <Modal open title={`${t(`act.${which}`)} · ${campaign.name}`} footer={null} onCancel={onClose}>
      <p>{t(`act.${which}_sure`)}</p>
      <Form<{ reason: string }> layout="vertical" requiredMark={false} onFinish={(typed) => press.mutate(typed)}>
        <Form.Item name="reason" label={t("act.why")} rules={[{ required: true, whitespace: true, message: t("act.why_missing") }]}>
          <Input maxLength={200} />
        </Form.Item>
        {press.error && <ProblemNote problem={press.error} />}
        <div className="campaigns-actions">
          <Button onClick={onClose}>{t("act.cancel")}</Button>
          <Button type="primary" danger={which === "stop"} htmlType="submit" loading={press.isPending}>
            {t(`act.${which}`)}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}
