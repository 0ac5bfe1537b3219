// Onto a call: in one of four ways, for one of the listed reasons; where there is nothing to ring her on, that is asked first.
import { App, Button, Form, Input, Modal, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Problem } from "@/api/problem";
import { openPreFlight } from "@/calls/pre_flight";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { MODES, type Mode } from "./modes";

interface Props {
  callId: string;
  name: string;
  asked: boolean;
  onClose: () => void;
}

interface Typed {
  mode: Mode;
  reason: Shape["SupervisionAsk"]["reason"];
  phone?: string;
}

export function JoinDialog({ callId, name, asked, onClose }: Props) {
  const { t } = useTranslation("wall");
  const { message } = App.useApp();
  const [form] = Form.useForm<Typed>();
  const reasons = $api.useQuery("get", "/api/v1/supervision/reasons", undefined, { staleTime: Infinity });
  const join = $api.useMutation("post", "/api/v1/calls/{call_id}/supervisions", {
    onSuccess: () => {
      void message.success(t("join.asked"));
      onClose();
    },
  });
  const nowhere =
    join.error instanceof Problem && join.error.code === "not_possible_now" && ["phone", "headset"].includes(join.error.field);
  const go = async (typed: Typed) => {
    if (typed.phone) await api.PUT("/api/v1/supervision/phone", { body: { phone: typed.phone } });
    join.mutate({ params: { path: { call_id: callId } }, body: { mode: typed.mode, reason: typed.reason } });
  };
  return (
    <Modal open title={t("join.title", { name: name || t("join.unknown") })} footer={null} onCancel={onClose} destroyOnHidden>
      <Form<Typed>
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ mode: "listen", reason: asked ? "agent_asked" : undefined }}
        onFinish={(typed) => void go(typed)}
      >
        <Form.Item name="mode" label={t("join.mode")}>
          <Radio.Group className="wall-modes">
            {MODES.map((mode) => (
              <Radio key={mode} value={mode}>
                <strong>{t(`modes.${mode}`)}</strong> <span className="wall-detail">{t(`mode_help.${mode}`)}</span>
              </Radio>
            ))}
          </Radio.Group>
        </Form.Item>
        <Form.Item name="reason" label={t("join.reason")} rules={[{ required: true, message: t("join.reason_missing") }]}>
          <Select
            placeholder={t("drawer.choose")}
            loading={reasons.isPending}
            options={reasons.data?.reasons.map((reason) => ({ value: reason.code, label: said(reason) }))}
          />
        </Form.Item>
        {join.error && <ProblemNote problem={join.error} />}
        {nowhere && (
          <>
            <Form.Item name="phone" label={t("join.phone")} extra={t("join.phone_help")} style={{ marginTop: 12 }}>
              <Input maxLength={164} autoComplete="off" />
            </Form.Item>
            <Button onClick={openPreFlight}>{t("join.headset")}</Button>
          </>
        )}
        <div className="wall-actions">
          <Button onClick={onClose}>{t("join.cancel")}</Button>
          <Button type="primary" htmlType="submit" loading={join.isPending}>
            {nowhere ? t("join.phone_save") : t("join.go")}
          </Button>
        </div>
      </Form>
    </Modal>
  );
}
