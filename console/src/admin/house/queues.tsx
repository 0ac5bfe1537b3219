// Queues with all their rules: stopped and let go on with a reason, changed with a reason, made new.
import { Button, Input, Modal, Space, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { QueueForm } from "./queue_form";
import { useTold } from "./told";
import "./words";

type Queue = Shape["QueueAnswer"];

export default function Queues() {
  const { t } = useTranslation("admin_house");
  const queues = $api.useQuery("get", "/api/v1/queues");
  const oversees = useHasRole("admin", "supervisor");
  const [open, setOpen] = useState<Queue | "new">();
  const [pressed, setPressed] = useState<Queue>();
  return (
    <>
      <div className="admin-row">
        {oversees && (
          <Button type="primary" style={{ marginInlineStart: "auto" }} onClick={() => setOpen("new")}>
            {t("queues.add")}
          </Button>
        )}
      </div>
      <Loaded query={queues} isEmpty={(told) => told.queues.length === 0} empty={t("queues.none")}>
        {({ queues: all }) => (
          <Table<Queue>
            size="small"
            rowKey="id"
            dataSource={all}
            pagination={{ pageSize: 15, showSizeChanger: false, hideOnSinglePage: true }}
            columns={[
              {
                title: t("queues.name"),
                key: "name",
                render: (_, queue) => (
                  <>
                    <strong>{queue.name}</strong>
                    <div className="admin-quiet">
                      {t(`queues.modes.${queue.mode}`)} · {t(`queues.styles.${queue.style}`)} · {t(`purposes.${queue.purpose}`)}
                    </div>
                  </>
                ),
              },
              {
                title: t("queues.open_tasks"),
                key: "counts",
                width: 110,
                align: "right",
                render: (_, queue) => (queue.counts.due ?? 0) + (queue.counts.queued ?? 0) + (queue.counts.in_progress ?? 0),
              },
              { title: t("queues.policy"), dataIndex: "policy", width: 130 },
              {
                title: t("queues.seconds"),
                key: "seconds",
                width: 170,
                render: (_, queue) => t("queues.seconds_of", { ring: queue.ring_seconds, wrap: queue.wrap_up_seconds }),
              },
              {
                title: t("state"),
                key: "state",
                width: 260,
                render: (_, queue) =>
                  queue.paused ? (
                    <>
                      <Tag color="warning">{t("queues.stopped")}</Tag>
                      {queue.switch && (
                        <span className="admin-quiet">
                          {dayAndClock(queue.switch.pressed_at)} {queue.switch.reason}
                        </span>
                      )}
                    </>
                  ) : (
                    <Tag color="success">{t("queues.running")}</Tag>
                  ),
              },
              {
                title: t("actions"),
                key: "actions",
                width: 170,
                render: (_, queue) =>
                  oversees && (
                    <Space size={4}>
                      <Button size="small" onClick={() => setOpen(queue)}>
                        {t("edit")}
                      </Button>
                      <Button size="small" danger={!queue.paused} onClick={() => setPressed(queue)}>
                        {queue.paused ? t("queues.resume") : t("queues.stop")}
                      </Button>
                    </Space>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      {open && <QueueForm queue={open === "new" ? undefined : open} close={() => setOpen(undefined)} />}
      {pressed && <SwitchForm queue={pressed} close={() => setPressed(undefined)} />}
    </>
  );
}

function SwitchForm({ queue, close }: { queue: Queue; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [reason, setReason] = useState("");
  const ended = {
    onSuccess: () => {
      told.done(t(queue.paused ? "queues.resumed" : "queues.was_stopped", { name: queue.name }), "/queues");
      close();
    },
    onError: told.failed,
  };
  const pause = $api.useMutation("post", "/api/v1/queues/{queue_id}/pause", ended);
  const resume = $api.useMutation("post", "/api/v1/queues/{queue_id}/resume", ended);
  const asked = { params: { path: { queue_id: queue.id } }, body: { reason: reason.trim() } };
  return (
    <Modal
      open
      title={t(queue.paused ? "queues.resume_title" : "queues.stop_title", { name: queue.name })}
      okText={queue.paused ? t("queues.resume") : t("queues.stop")}
      okButtonProps={{ danger: !queue.paused, disabled: !reason.trim() }}
      confirmLoading={pause.isPending || resume.isPending}
      onCancel={close}
      onOk={() => (queue.paused ? resume : pause).mutate(asked)}
    >
      <p>{t(queue.paused ? "queues.resume_help" : "queues.stop_help")}</p>
      <label htmlFor="switch-reason">{t("reason")}</label>
      <Input id="switch-reason" value={reason} maxLength={200} onChange={(event) => setReason(event.target.value)} />
    </Modal>
  );
}
