// Users: who may log in, as what; a new one, another password, locked out and let in again.
import { Button, Dropdown, Input, Popconfirm, Select, Space, Switch, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useMe, type Role } from "@/api/me";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "./told";
import { PasswordForm, UserForm } from "./user_forms";
import { ROLES } from "./roles";
import "./words";

type User = Shape["UserRow"];
type Open = { what: "new" } | { what: "edit" | "password"; user: User };

export default function Users() {
  const { t } = useTranslation("admin_house");
  const me = useMe();
  const told = useTold();
  const users = $api.useQuery("get", "/api/v1/users");
  const [typed, setTyped] = useState("");
  const [role, setRole] = useState<Role>();
  const [locked, setLocked] = useState(false);
  const [open, setOpen] = useState<Open>();
  const disable = $api.useMutation("post", "/api/v1/users/{user_id}/disable");
  const enable = $api.useMutation("post", "/api/v1/users/{user_id}/enable");
  const end = $api.useMutation("post", "/api/v1/users/{user_id}/end-log-in");

  const run = (action: typeof disable | typeof enable | typeof end, user: User, words: string) =>
    (action as typeof end).mutate(
      { params: { path: { user_id: user.id } } },
      { onSuccess: () => told.done(words, "/users", "/log-ins"), onError: told.failed },
    );
  const mine = (user: User) =>
    (locked || !user.disabled) &&
    (!role || user.roles.includes(role)) &&
    `${user.login} ${user.display_name} ${user.departments.join(" ")}`.toLowerCase().includes(typed.toLowerCase().trim());

  return (
    <>
      <div className="admin-row">
        <Input.Search
          allowClear
          aria-label={t("users.search")}
          placeholder={t("users.search")}
          style={{ width: 260 }}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Select<Role>
          allowClear
          aria-label={t("users.role")}
          placeholder={t("users.role")}
          style={{ width: 160 }}
          value={role}
          onChange={setRole}
          options={ROLES.map((one) => ({ value: one, label: t(`roles.${one}`) }))}
        />
        <label>
          <Switch size="small" checked={locked} onChange={setLocked} /> {t("users.show_locked")}
        </label>
        <Button type="primary" style={{ marginInlineStart: "auto" }} onClick={() => setOpen({ what: "new" })}>
          {t("users.add")}
        </Button>
      </div>
      <Loaded query={users}>
        {({ users: all }) => (
          <Table<User>
            size="small"
            rowKey="id"
            dataSource={all.filter(mine)}
            locale={{ emptyText: t("users.none") }}
            pagination={{ pageSize: 15, showSizeChanger: false, hideOnSinglePage: true }}
            columns={[
              {
                title: t("users.name"),
                key: "name",
                render: (_, user) => (
                  <>
                    <strong>{user.display_name}</strong> <span className="admin-quiet">{user.login}</span>{" "}
                    {user.disabled && <Tag color="error">{t("users.locked")}</Tag>}
                  </>
                ),
              },
              {
                title: t("users.roles"),
                key: "roles",
                render: (_, user) => (
                  <Space size={[4, 4]} wrap>
                    {user.roles.map((one) => (
                      <Tag key={one}>{t(`roles.${one}`)}</Tag>
                    ))}
                  </Space>
                ),
              },
              { title: t("users.departments"), key: "departments", render: (_, user) => user.departments.join(t("comma")) || "–" },
              {
                title: t("users.logged_in"),
                key: "in",
                width: 160,
                render: (_, user) => (user.logged_in_since ? dayAndClock(user.logged_in_since) : "–"),
              },
              {
                title: t("users.failed"),
                key: "failed",
                width: 90,
                align: "right",
                render: (_, user) => (user.failed_log_ins > 4 ? <Tag color="error">{user.failed_log_ins}</Tag> : user.failed_log_ins),
              },
              {
                title: t("actions"),
                key: "actions",
                width: 230,
                render: (_, user) => (
                  <Space size={4}>
                    <Button size="small" onClick={() => setOpen({ what: "edit", user })}>
                      {t("edit")}
                    </Button>
                    <Button size="small" onClick={() => setOpen({ what: "password", user })}>
                      {t("users.password")}
                    </Button>
                    {user.disabled ? (
                      <Button size="small" onClick={() => run(enable, user, t("users.let_in_done", { name: user.display_name }))}>
                        {t("users.let_in")}
                      </Button>
                    ) : user.id === me.data?.user_id ? null : user.logged_in_since ? (
                      <Dropdown
                        autoFocus
                        trigger={["click"]}
                        menu={{
                          items: [
                            { key: "end", label: t("users.log_out") },
                            { key: "lock", label: t("users.lock"), danger: true },
                          ],
                          onClick: ({ key }) =>
                            key === "end"
                              ? run(end, user, t("users.log_out_done", { name: user.display_name }))
                              : run(disable, user, t("users.lock_done", { name: user.display_name })),
                        }}
                      >
                        <Button size="small" aria-label={t("users.more_of", { name: user.display_name })}>
                          {t("more")}
                        </Button>
                      </Dropdown>
                    ) : (
                      <Popconfirm
                        title={t("users.lock_ask", { name: user.display_name })}
                        okText={t("users.lock")}
                        onConfirm={() => run(disable, user, t("users.lock_done", { name: user.display_name }))}
                      >
                        <Button size="small">
                          {t("users.lock")}
                        </Button>
                      </Popconfirm>
                    )}
                  </Space>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {open && open.what !== "password" && <UserForm user={open.what === "edit" ? open.user : undefined} close={() => setOpen(undefined)} />}
      {open?.what === "password" && <PasswordForm user={open.user} close={() => setOpen(undefined)} />}
    </>
  );
}
