// One step of a request: what it does, and what it needs written.
import { App, Form, Input, Modal, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import type { PatientRequest, Step } from "./columns";

interface Props {
  request: PatientRequest;
  step: Step;
  onClose: () => void;
}

interface Typed {
  text?: string;
  owner_id?: string;
  satisfied?: boolean;
}

const NEEDS_TEXT: readonly Step[] = ["decide", "reply", "reopen"];

export function StepDialog({ request, step, onClose }: Props) {
  const { t } = useTranslation("complaints");
  const { message } = App.useApp();
  const [form] = Form.useForm<Typed>();
  const owners = $api.useQuery("get", "/api/v1/request-owners", undefined, { enabled: step === "assign" });
  const move = $api.useMutation("post", "/api/v1/requests/{request_id}/steps", {
    onSuccess: () => {
      void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/requests") });
      void message.success(t("done", { step: t(`steps.${step}`) }));
      onClose();
    },
  });
  const needed = [{ required: true, message: t("step_needed") }];
  return (
    <Modal
      open
      title={t("move_of", { text: t(`steps.${step}`) })}
      okText={t("save")}
      cancelText={t("cancel")}
      confirmLoading={move.isPending}
      onCancel={onClose}
      onOk={() => form.submit()}
    >
      <p>{t(`step_help.${step}`)}</p>
      <Form
        form={form}
        layout="vertical"
        onFinish={(typed) => move.mutate({ params: { path: { request_id: request.id } }, body: { step, ...typed } })}
      >
        {step === "assign" && (
          <Form.Item name="owner_id" label={t("owner")} rules={needed}>
            <Select
              autoFocus
              showSearch={{ optionFilterProp: "label" }}
              loading={owners.isPending}
              options={owners.data?.people.map((person) => ({
                value: person.user_id,
                label: [person.name, ...person.departments].join(" · "),
              }))}
            />
          </Form.Item>
        )}
        {step === "verify" && (
          <Form.Item name="satisfied" label={t("verify_question")} rules={needed}>
            <Radio.Group
              options={[
                { value: true, label: t("satisfied") },
                { value: false, label: t("not_satisfied") },
              ]}
            />
          </Form.Item>
        )}
        <Form.Item name="text" label={t("step_text")} rules={NEEDS_TEXT.includes(step) ? needed : []}>
          <Input.TextArea autoFocus={step !== "assign"} autoSize={{ minRows: 3, maxRows: 10 }} maxLength={4000} />
        </Form.Item>
        {move.error && <ProblemNote problem={move.error} />}
      </Form>
    </Modal>
  );
}
