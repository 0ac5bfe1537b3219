// The dialogs of one user: new or changed, and another password.
import { Alert, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import type { Role } from "@/api/me";
import { ROLES } from "./roles";
import { useTold } from "./told";

type User = Shape["UserRow"];

const LEAST = 10;

interface Filled {
  login: string;
  display_name: string;
  password: string;
  roles: Role[];
  departments: string[];
  languages: string[];
  queues: string[];
  overseen: string[];
}

export function UserForm({ user, close }: { user?: User; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [form] = Form.useForm<Filled>();
  const roles = Form.useWatch("roles", form) ?? user?.roles ?? [];
  const queues = $api.useQuery("get", "/api/v1/queues");
  const departments = $api.useQuery("get", "/api/v1/duty/departments");
  const create = $api.useMutation("post", "/api/v1/users");
  const change = $api.useMutation("put", "/api/v1/users/{user_id}");
  const give = $api.useMutation("post", "/api/v1/users/{user_id}/departments");
  const oversee = $api.useMutation("put", "/api/v1/users/{user_id}/overseen-queues");
  const busy = create.isPending || change.isPending || give.isPending || oversee.isPending;

  async function save(filled: Filled) {
    try {
      let id = user?.id;
      if (id) {
        const path = { user_id: id };
        await change.mutateAsync({ params: { path }, body: { display_name: filled.display_name, roles: filled.roles } });
        await give.mutateAsync({ params: { path }, body: { departments: filled.departments ?? [] } });
      } else {
        const made = await create.mutateAsync({
          body: {
            login: filled.login,
            display_name: filled.display_name,
            password: filled.password,
            roles: filled.roles,
            departments: filled.departments ?? [],
            languages: filled.languages ?? ["zh"],
            queues: filled.queues ?? [],
          },
        });
        id = made.id;
      }
      if (filled.roles.includes("supervisor")) {
        await oversee.mutateAsync({ params: { path: { user_id: id } }, body: { queues: filled.overseen ?? [] } });
      }
      told.done(t(user ? "users.changed" : "users.added", { name: filled.display_name }), "/users", "/abilities");
      close();
    } catch (problem) {
      told.failed(problem);
    }
  }

  const queueChoices = (queues.data?.queues ?? []).map((queue) => ({ value: queue.id, label: queue.name }));
  return (
    <Modal
      open
      title={user ? t("users.edit_title", { name: user.display_name }) : t("users.add")}
      okText={t("save")}
      confirmLoading={busy}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <Form
        form={form}
        layout="vertical"
        onFinish={(filled) => void save(filled)}
        initialValues={{
          display_name: user?.display_name,
          roles: user?.roles ?? ["agent"],
          departments: user?.departments ?? [],
          languages: ["zh"],
          overseen: user?.overseen_queues ?? [],
        }}
      >
        {!user && (
          <Form.Item
            name="login"
            label={t("users.login")}
            extra={t("users.login_help")}
            rules={[{ required: true, pattern: /^[a-z][a-z0-9._-]{1,63}$/, message: t("users.login_help") }]}
          >
            <Input autoComplete="off" />
          </Form.Item>
        )}
        <Form.Item name="display_name" label={t("users.name")} rules={[{ required: true, whitespace: true, message: t("needed") }]}>
          <Input autoComplete="off" maxLength={200} />
        </Form.Item>
        {!user && (
          <Form.Item
            name="password"
            label={t("users.first_password")}
            extra={t("users.password_help", { count: LEAST })}
            rules={[{ required: true, min: LEAST, message: t("users.password_help", { count: LEAST }) }]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
        )}
        <Form.Item name="roles" label={t("users.roles")} rules={[{ required: true, message: t("needed") }]}>
          <Select
            mode="multiple"
            options={ROLES.map((role) => ({ value: role, label: `${t(`roles.${role}`)} · ${t(`roles_about.${role}`)}` }))}
          />
        </Form.Item>
        <Form.Item name="departments" label={t("users.departments")} extra={t("users.departments_help")}>
          <Select mode="tags" tokenSeparators={[",", ";"]} options={(departments.data?.departments ?? []).map((name) => ({ value: name }))} />
        </Form.Item>
        {!user && roles.includes("agent") && (
          <Form.Item name="queues" label={t("users.queues")}>
            <Select mode="multiple" options={queueChoices} optionFilterProp="label" />
          </Form.Item>
        )}
        {roles.includes("supervisor") && (
          <Form.Item name="overseen" label={t("users.overseen")} extra={t("users.overseen_help")}>
            <Select mode="multiple" options={queueChoices} optionFilterProp="label" />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}

export function PasswordForm({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [password, setPassword] = useState("");
  const give = $api.useMutation("post", "/api/v1/users/{user_id}/password", {
    onSuccess: () => {
      told.done(t("users.password_done", { name: user.display_name }), "/users", "/log-ins");
      close();
    },
    onError: told.failed,
  });
  const short = password.length < LEAST;
  return (
    <Modal
      open
      title={t("users.password_title", { name: user.display_name })}
      okText={t("save")}
      okButtonProps={{ disabled: short }}
      confirmLoading={give.isPending}
      onCancel={close}
      onOk={() => give.mutate({ params: { path: { user_id: user.id } }, body: { password } })}
    >
      <Alert type="warning" showIcon title={t("users.password_warning")} style={{ marginBottom: 12 }} />
      <label htmlFor="new-password">{t("users.password_new")}</label>
      <Input.Password
        id="new-password"
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        aria-describedby="new-password-help"
      />
      <p id="new-password-help" className="admin-quiet">
        {t("users.password_help", { count: LEAST })}
      </p>
    </Modal>
  );
}
