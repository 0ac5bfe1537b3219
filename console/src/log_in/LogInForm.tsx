// User name and password; if the user is in elsewhere, one more step to end that log-in.
import { Alert, Button, Form, Input } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Problem } from "@/api/problem";
import { ProblemNote } from "@/shown/ProblemNote";
import "./words";

interface Props {
  login?: string;
  onDone: () => void;
}

interface Typed {
  login: string;
  password: string;
}

export function LogInForm({ login, onDone }: Props) {
  const { t } = useTranslation("log_in");
  const [form] = Form.useForm<Typed>();
  const enter = $api.useMutation("post", "/api/v1/log-ins", { onSuccess: onDone });
  const elsewhere = enter.error instanceof Problem && enter.error.code === "already_logged_in";
  const send = (typed: Typed, takeOver: boolean) => enter.mutate({ body: { ...typed, take_over: takeOver } });
  return (
    <Form form={form} layout="vertical" initialValues={{ login }} onFinish={(typed) => send(typed, false)} requiredMark={false}>
      <Form.Item name="login" label={t("login")} rules={[{ required: true, message: t("login_missing") }]}>
        <Input autoComplete="username" autoFocus={!login} readOnly={Boolean(login)} maxLength={64} />
      </Form.Item>
      <Form.Item name="password" label={t("password")} rules={[{ required: true, message: t("password_missing") }]}>
        <Input.Password autoComplete="current-password" autoFocus={Boolean(login)} />
      </Form.Item>
      {enter.error && !elsewhere && <ProblemNote problem={enter.error} />}
      {elsewhere && (
        <Alert
          type="warning"
          showIcon
          title={t("elsewhere")}
          action={<Button onClick={() => send(form.getFieldsValue(), true)}>{t("take_over")}</Button>}
        />
      )}
      <Button type="primary" htmlType="submit" block loading={enter.isPending} style={{ marginTop: 12 }}>
        {t("enter")}
      </Button>
    </Form>
  );
}
