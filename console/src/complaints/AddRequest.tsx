// Writing down what somebody wants who is not on the line now; in a call the workspace's own key does it.
import { Form, Input, Modal, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { useRequestWords } from "./useRequests";

interface Props {
  onClose: () => void;
  onDone: () => void;
}

interface Typed {
  kind: "request" | "complaint" | "praise" | "dispute";
  cause: string;
  text: string;
  departments?: string[];
}

export function AddRequest({ onClose, onDone }: Props) {
  const { t } = useTranslation("complaints");
  const [form] = Form.useForm<Typed>();
  const words = useRequestWords();
  const write = $api.useMutation("post", "/api/v1/requests", {
    onSuccess: () => {
      void queries.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/requests") });
      onDone();
    },
  });
  const needed = [{ required: true, message: t("step_needed") }];
  return (
    <Modal open title={t("add")} okText={t("save")} cancelText={t("cancel")} confirmLoading={write.isPending} onCancel={onClose} onOk={() => form.submit()}>
      <Form
        form={form}
        layout="vertical"
        initialValues={{ kind: "complaint" }}
        onFinish={({ departments = [], ...typed }) => write.mutate({ body: { ...typed, departments } })}
      >
        <Form.Item name="kind" label={t("kind")} rules={needed}>
          <Radio.Group
            optionType="button"
            options={Object.entries(words.data?.kinds ?? {}).map(([value, title]) => ({ value, label: said(title) }))}
          />
        </Form.Item>
        <Form.Item name="cause" label={t("cause")} rules={needed}>
          <Select
            showSearch={{ optionFilterProp: "label" }}
            options={words.data?.causes.map((cause) => ({ value: cause.code, label: said(cause.title) }))}
          />
        </Form.Item>
        <Form.Item name="text" label={t("text")} rules={needed}>
          <Input.TextArea autoSize={{ minRows: 3, maxRows: 10 }} maxLength={4000} />
        </Form.Item>
        <Form.Item name="departments" label={t("departments")} extra={t("departments_help")}>
          <Select mode="tags" open={false} suffixIcon={null} />
        </Form.Item>
        {write.error && <ProblemNote problem={write.error} />}
      </Form>
    </Modal>
  );
}
