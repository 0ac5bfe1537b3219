// Taking a list away as a file, and having it called by persons.
import { useMutation } from "@tanstack/react-query";
import { App, Button, Form, Input, Modal, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { ListName } from "./CampaignPage";
import { asked } from "./PeoplePart";
import type { Campaign, Group } from "./shown";

interface ExportProps {
  campaign: Campaign;
  list: ListName;
  name: string;
  onClose: () => void;
}

export function ExportDialog({ campaign, list, name, onClose }: ExportProps) {
  const { t } = useTranslation("campaigns");
  const { message } = App.useApp();
  const take = useMutation({
    mutationFn: async ({ purpose }: { purpose: string }) => {
      const { data } = await api.GET("/api/v1/campaigns/{campaign_id}/export", {
        params: { path: { campaign_id: campaign.id }, query: { purpose, ...asked(list) } },
        parseAs: "blob",
      });
      return data as Blob;
    },
    onSuccess: (file) => {
      const address = URL.createObjectURL(file);
      const link = document.createElement("a");
      link.href = address;
      link.download = `${campaign.name}-${name}.xlsx`;
      link.click();
      URL.revokeObjectURL(address);
      void message.success(t("list_of.exported"));
      onClose();
    },
  });
  return (
    <Modal open title={`${t("list_of.export_title")} · ${name}`} footer={null} onCancel={onClose}>
      <Form<{ purpose: string }> layout="vertical" requiredMark={false} onFinish={(typed) => take.mutate(typed)}>
        <Form.Item
          name="purpose"
          label={t("list_of.purpose")}
          rules={[{ required: true, min: 3, whitespace: true, message: t("list_of.purpose_missing") }]}
        >
          <Input maxLength={200} />
        </Form.Item>
        {take.error && <ProblemNote problem={take.error} />}
        <div className="campaigns-actions">
          <Button onClick={onClose}>{t("act.cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={take.isPending}>
            {t("list_of.export").replace("…", "")}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}

interface CallProps {
  campaign: Campaign;
  group: Group;
  queues: Shape["QueueAnswer"][];
  onClose: () => void;
}

export function CallListDialog({ campaign, group, queues, onClose }: CallProps) {
  const { t } = useTranslation("campaigns");
  const { message } = App.useApp();
  const call = $api.useMutation("post", "/api/v1/campaigns/{campaign_id}/calls", {
    onSuccess: ({ people, tasks_made: made }) => {
      void message.success(t("list_of.made", { people, made }));
      onClose();
    },
  });
  return (
    <Modal open title={`${t("list_of.call_title")} · ${t(`groups.${group}`)}`} footer={null} onCancel={onClose}>
      <p>{t("list_of.call_help")}</p>
      <Form<{ queue: string; reason: string }>
        layout="vertical"
        requiredMark={false}
        onFinish={({ queue, reason }) =>
          call.mutate({ params: { path: { campaign_id: campaign.id } }, body: { group, queue_id: queue, reason } })
        }
      >
        <Form.Item name="queue" label={t("list_of.to_queue")} rules={[{ required: true, message: t("list_of.choose_queue") }]}>
          <Select
            placeholder={t("list_of.choose_queue")}
            options={queues.filter((queue) => queue.mode === "agent").map((queue) => ({ value: queue.id, label: queue.name }))}
          />
        </Form.Item>
        <Form.Item name="reason" label={t("act.why")} rules={[{ required: true, whitespace: true, message: t("act.why_missing") }]}>
          <Input maxLength={200} />
        </Form.Item>
        {call.error && <ProblemNote problem={call.error} />}
        <div className="campaigns-actions">
          <Button onClick={onClose}>{t("act.cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={call.isPending}>
            {t("list_of.call").replace("…", "")}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}
