// The figures as a file: whoever takes it says what for, which is kept.
import { DownloadOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Modal, Radio } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { inWords } from "@/api/problem";
import { language } from "@/words";
import { queryOf, type Asked } from "./asked";

interface Wish {
  purpose: string;
  written: "xlsx" | "csv";
}

export function TakeFile({ asked }: { asked: Asked }) {
  const { t } = useTranslation("stats");
  const { message } = App.useApp();
  const [open, setOpen] = useState(false);
  const [taking, setTaking] = useState(false);
  const [form] = Form.useForm<Wish>();

  async function take({ purpose, written }: Wish) {
    setTaking(true);
    try {
      const query = { ...queryOf(asked), by: asked.by, live: asked.live, purpose, written, language: language() };
      const { data } = await api.GET("/api/v1/indicators/export", { params: { query }, parseAs: "blob" });
      const name = `indicators-${asked.first}-${asked.last}.${written}`;
      save(data as unknown as Blob, name);
      setOpen(false);
      void message.success(t("file.taken", { name }));
    } catch (problem) {
      void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": "));
    } finally {
      setTaking(false);
    }
  }

  return (
    <>
      <Button icon={<DownloadOutlined aria-hidden />} onClick={() => setOpen(true)}>
        {t("file.take")}
      </Button>
      <Modal
        open={open}
        title={t("file.title")}
        okText={t("file.ok")}
        cancelText={t("file.cancel")}
        confirmLoading={taking}
        onOk={() => form.submit()}
        onCancel={() => setOpen(false)}
        destroyOnHidden
      >
        <p>{t("file.about", { first: asked.first, last: asked.last })}</p>
        <Form form={form} layout="vertical" initialValues={{ written: "xlsx" }} onFinish={(wish) => void take(wish)}>
          <Form.Item name="written" label={t("file.written")}>
            <Radio.Group
              options={[
                { value: "xlsx", label: t("file.xlsx") },
                { value: "csv", label: t("file.csv") },
              ]}
            />
          </Form.Item>
          <Form.Item name="purpose" label={t("file.purpose")} rules={[{ required: true, whitespace: true, min: 3, max: 200, message: t("file.purpose_missing") }]}>
            <Input maxLength={200} placeholder={t("file.purpose_example")} />
          </Form.Item>
        </Form>
      </Modal>
    </>
  );
}

function save(file: Blob, name: string) {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
