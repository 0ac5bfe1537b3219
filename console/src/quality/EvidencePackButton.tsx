// Everything that proves what was done for a patient, with a reason; for supervisors, shows nothing to others.
import { App, Button, Checkbox, Form, Input, Modal } from "antd";
import { FileZipOutlined } from "@ant-design/icons";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import { ProblemNote } from "@/shown/ProblemNote";
import "./words";

export function EvidencePackButton({ patientId }: { patientId: string }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const oversees = useHasRole("supervisor");
  const [open, setOpen] = useState(false);
  const [form] = Form.useForm<{ reason: string; with_sound: boolean }>();
  const ask = $api.useMutation("post", "/api/v1/patients/{patient_id}/evidence-packs", {
    onSuccess: (pack) => {
      setOpen(false);
      form.resetFields();
      void message.success(t("pack.made"));
      window.location.assign(pack.address);
    },
  });
  if (!oversees) return null;
  return (
    <>
      <Button icon={<FileZipOutlined />} onClick={() => setOpen(true)}>
        {t("pack.button")}
      </Button>
      <Modal
        open={open}
        title={t("pack.title")}
        okText={t("pack.make")}
        confirmLoading={ask.isPending}
        onCancel={() => setOpen(false)}
        onOk={() => void form.validateFields().then((body) => ask.mutate({ params: { path: { patient_id: patientId } }, body }))}
      >
        <p>{t("pack.about")}</p>
        <Form form={form} layout="vertical" initialValues={{ with_sound: false }}>
          <Form.Item name="reason" label={t("pack.reason")} rules={[{ required: true, whitespace: true, min: 5, message: t("pack.reason_missing") }]}>
            <Input.TextArea rows={3} maxLength={500} />
          </Form.Item>
          <Form.Item name="with_sound" valuePropName="checked">
            <Checkbox>{t("pack.with_sound")}</Checkbox>
          </Form.Item>
        </Form>
        {ask.error !== null && <ProblemNote problem={ask.error} />}
      </Modal>
    </>
  );
}
