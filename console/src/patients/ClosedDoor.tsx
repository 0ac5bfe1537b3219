// A record outside of the reader's care: why it is closed, and the way in for who must look all the same.
import { LockOutlined } from "@ant-design/icons";
import { Button, Card, Form, Input, Radio } from "antd";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, queries, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";

export function ClosedDoor({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const [form] = Form.useForm<{ reason: Shape["GlassReason"]; text?: string }>();
  const chosen = Form.useWatch("reason", form);
  const reasons = $api.useQuery("get", "/api/v1/glass-reasons");
  const opening = $api.useMutation("post", "/api/v1/patients/{patient_id}/broken-glasses", {
    onSuccess: () => void queries.resetQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/patients/{patient_id}") }),
  });
  return (
    <div className="closed-door">
      <Card>
        <h1>
          <LockOutlined aria-hidden /> {t("closed_door.title")}
        </h1>
        <p>{t("closed_door.about")}</p>
        <Loaded query={reasons}>
          {(found) => (
            <Form
              form={form}
              layout="vertical"
              requiredMark={false}
              onFinish={({ reason, text }) => opening.mutate({ params: { path: { patient_id: patientId } }, body: { reason, text: text?.trim() ?? "" } })}
            >
              <Form.Item name="reason" label={t("closed_door.reason")} rules={[{ required: true, message: t("needed") }]}>
                <Radio.Group className="closed-door-reasons" options={found.reasons.map((one) => ({ value: one.reason, label: said(one.title as { zh: string; en: string }) }))} />
              </Form.Item>
              <Form.Item name="text" label={t("closed_door.words")} rules={chosen === "other" ? [{ required: true, whitespace: true, min: 5, message: t("closed_door.words_wanted") }] : []}>
                <Input.TextArea autoSize={{ minRows: 2, maxRows: 5 }} maxLength={500} />
              </Form.Item>
              {opening.error && <ProblemNote problem={opening.error} />}
              <div className="record-ends">
                <Link to="/patients">{t("banner.back")}</Link>
                <Button danger type="primary" htmlType="submit" loading={opening.isPending}>
                  {t("closed_door.open")}
                </Button>
              </div>
            </Form>
          )}
        </Loaded>
      </Card>
    </div>
  );
}
