// What leaves the page: the file itself with a reason, or a redacted copy for reviewers.
import { App, Button, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api } from "@/api/client";
import { inWords } from "@/api/problem";
import zh from "./words.zh";

interface Props {
  recordingId: string;
  playable: boolean;
  hasTranscript: boolean;
}

type Purpose = keyof typeof zh.purposes;

export function TakeOut({ recordingId, playable, hasTranscript }: Props) {
  const { t } = useTranslation("recordings");
  const { message } = App.useApp();
  const [open, setOpen] = useState<"file" | "copy" | null>(null);
  const [loading, setLoading] = useState(false);
  const release = $api.useMutation("post", "/api/v1/recordings/{recording_id}/redacted-copies");
  const params = { path: { recording_id: recordingId } };
  const run = async (work: () => Promise<string>) => {
    setLoading(true);
    try {
      void message.success(await work());
      setOpen(null);
    } catch (problem) {
      const { title, detail } = inWords(problem);
      void message.error(`${title}: ${detail}`);
    } finally {
      setLoading(false);
    }
  };
  const download = ({ reason }: { reason: string }) =>
    run(async () => {
      const { data } = await api.POST("/api/v1/recordings/{recording_id}/download", { params, body: { reason }, parseAs: "blob" });
      const address = URL.createObjectURL(data as unknown as Blob);
      Object.assign(document.createElement("a"), { href: address, download: `${recordingId}.flac` }).click();
      URL.revokeObjectURL(address);
      return t("take_out.downloaded");
    });
  const letOut = ({ purpose, reason, hide }: { purpose: Purpose; reason: string; hide?: string[] }) =>
    run(async () => {
      await release.mutateAsync({ params, body: { purpose, reason, hide: hide ?? [] } });
      return t("take_out.released");
    });
  const reason = (
    <Form.Item name="reason" label={t("take_out.reason")} rules={[{ required: true, min: 3, max: 500, whitespace: true, message: t("take_out.reason_wanted") }]}>
      <Input.TextArea rows={3} maxLength={500} />
    </Form.Item>
  );
  return (
    <>
      <Button disabled={!playable || !hasTranscript} onClick={() => setOpen("copy")}>
        {t("take_out.copy")}
      </Button>
      <Button disabled={!playable} onClick={() => setOpen("file")}>
        {t("take_out.file")}
      </Button>
      <Modal open={open === "file"} title={t("take_out.file")} onCancel={() => setOpen(null)} footer={null} destroyOnHidden>
        <p>{t("take_out.file_about")}</p>
        <Form layout="vertical" onFinish={download}>
          {reason}
          <Button type="primary" htmlType="submit" loading={loading}>
            {t("take_out.file")}
          </Button>
        </Form>
      </Modal>
      <Modal open={open === "copy"} title={t("take_out.copy")} onCancel={() => setOpen(null)} footer={null} destroyOnHidden>
        <p>{t("take_out.copy_about")}</p>
        <Form layout="vertical" onFinish={letOut} initialValues={{ purpose: "quality" }}>
          <Form.Item name="purpose" label={t("copies.purpose")}>
            <Select options={(Object.keys(zh.purposes) as Purpose[]).map((purpose) => ({ value: purpose, label: t(`purposes.${purpose}`) }))} />
          </Form.Item>
          {reason}
          <Form.Item name="hide" label={t("take_out.hide")}>
            <Select mode="tags" open={false} suffixIcon={null} tokenSeparators={[",", "，", "、"]} maxCount={50} />
          </Form.Item>
          <Button type="primary" htmlType="submit" loading={loading}>
            {t("take_out.release")}
          </Button>
        </Form>
      </Modal>
    </>
  );
}
