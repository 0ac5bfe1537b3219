// A user's own password: the one that holds, and the one that shall. The log-in goes on.
import { App, Form, Input, Modal } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { inWords, Problem } from "@/api/problem";
import "./words";

const LEAST = 10;

export default function OwnPassword({ close }: { close: () => void }) {
  const { t } = useTranslation("log_in");
  const { message } = App.useApp();
  const [form] = Form.useForm<{ present: string; wanted: string; again: string }>();
  const change = $api.useMutation("put", "/api/v1/me/password", {
    onSuccess: () => {
      void message.success(t("own.changed"));
      close();
    },
    onError: (problem: unknown) => {
      if (problem instanceof Problem && problem.code === "wrong_log_in") {
        form.setFields([{ name: "present", errors: [t("own.wrong")] }]);
      } else {
        void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": "));
      }
    },
  });
  const long = [{ required: true, min: LEAST, message: t("own.least", { count: LEAST }) }];
  return (
    <Modal open title={t("own.title")} okText={t("own.change")} confirmLoading={change.isPending} onCancel={close} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" onFinish={({ present, wanted }) => change.mutate({ body: { present, wanted } })}>
        <Form.Item name="present" label={t("own.present")} rules={[{ required: true, message: t("own.present") }]}>
          <Input.Password autoComplete="current-password" autoFocus />
        </Form.Item>
        <Form.Item name="wanted" label={t("own.wanted")} rules={long}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item
          name="again"
          label={t("own.again")}
          dependencies={["wanted"]}
          rules={[
            { required: true, message: t("own.again") },
            ({ getFieldValue }) => ({
              validator: (_, again) => (!again || again === getFieldValue("wanted") ? Promise.resolve() : Promise.reject(new Error(t("own.differs")))),
            }),
          ]}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
