// A remark beside the steps, or another day by which it is answered, with the reason.
import { DatePicker, Form, Input, Modal } from "antd";
import type { Dayjs } from "dayjs";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";

interface Props {
  requestId: string;
  kind: "remark" | "postpone";
  onClose: () => void;
}

interface Typed {
  text: string;
  due_on?: Dayjs;
}

export function RemarkDialog({ requestId, kind, onClose }: Props) {
  const { t } = useTranslation("complaints");
  const [form] = Form.useForm<Typed>();
  const add = $api.useMutation("post", "/api/v1/requests/{request_id}/remarks", {
    onSuccess: () => {
      void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/requests") });
      onClose();
    },
  });
  const needed = [{ required: true, message: t("step_needed") }];
  return (
    <Modal open title={t(kind)} okText={t("save")} cancelText={t("cancel")} confirmLoading={add.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form
        form={form}
        layout="vertical"
        onFinish={({ text, due_on }) =>
          add.mutate({ params: { path: { request_id: requestId } }, body: { text, due_on: due_on?.format("YYYY-MM-DD") ?? null } })
        }
      >
        {kind === "postpone" && (
          <Form.Item name="due_on" label={t("new_day")} rules={needed}>
            <DatePicker />
          </Form.Item>
        )}
        <Form.Item name="text" label={kind === "postpone" ? t("reason") : t("remark")} rules={needed}>
          <Input.TextArea autoFocus autoSize={{ minRows: 3, maxRows: 10 }} maxLength={4000} />
        </Form.Item>
        {add.error && <ProblemNote problem={add.error} />}
      </Form>
    </Modal>
  );
}
