// Who is logged in, and who was.
import { Button, Popconfirm, Segmented, Table, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "./told";
import "./words";

type LogIn = Shape["LogInRow"];

const ENDINGS = ["logged out", "taken over", "password changed", "disabled", "ended by an administrator"] as const;
const ENDING_WORDS = { "logged out": "left", "taken over": "taken_over", "password changed": "password", disabled: "locked", "ended by an administrator": "ended" } as const;

export default function LogIns() {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [which, setWhich] = useState<"living" | "all">("living");
  const [pages, setPages] = useState<string[]>([]);
  const before = pages.at(-1);
  const logIns = $api.useQuery("get", "/api/v1/log-ins", { params: { query: { living: which === "living", before, limit: 50 } } });
  const end = $api.useMutation("post", "/api/v1/users/{user_id}/end-log-in", { onError: told.failed });
  const ending = (row: LogIn) => {
    const known = ENDINGS.find((one) => one === row.ended_because);
    if (known) return t(`log_ins.endings.${ENDING_WORDS[known]}`);
    return row.ended_at ? row.ended_because || t("log_ins.endings.ended") : row.living ? <Tag color="success">{t("log_ins.living")}</Tag> : t("log_ins.endings.ran_out");
  };
  return (
    <>
      <div className="admin-row">
        <Segmented
          aria-label={t("log_ins.which")}
          value={which}
          options={[
            { value: "living", label: t("log_ins.now") },
            { value: "all", label: t("log_ins.all") },
          ]}
          onChange={(chosen) => {
            setWhich(chosen as "living" | "all");
            setPages([]);
          }}
        />
      </div>
      <Loaded query={logIns} isEmpty={(found) => found.log_ins.length === 0} empty={t("log_ins.none")}>
        {(found) => (
          <>
            <Table<LogIn>
              size="small"
              rowKey="id"
              dataSource={found.log_ins}
              pagination={false}
              columns={[
                {
                  title: t("users.name"),
                  key: "name",
                  render: (_, row) => (
                    <>
                      <strong>{row.display_name}</strong> <span className="admin-quiet">{row.login}</span>
                    </>
                  ),
                },
                { title: t("log_ins.began"), key: "began", render: (_, row) => dayAndClock(row.created_at) },
                { title: t("log_ins.seen"), key: "seen", render: (_, row) => dayAndClock(row.last_seen_at) },
                { title: t("log_ins.over"), key: "over", render: (_, row) => dayAndClock(row.ended_at ?? row.expires_at) },
                { title: t("state"), key: "state", render: (_, row) => ending(row) },
                {
                  title: t("actions"),
                  key: "actions",
                  width: 110,
                  render: (_, row) =>
                    row.living && (
                      <Popconfirm
                        title={t("log_ins.end_ask", { name: row.display_name })}
                        okText={t("users.log_out")}
                        onConfirm={() =>
                          end.mutate(
                            { params: { path: { user_id: row.user_id } } },
                            { onSuccess: () => told.done(t("users.log_out_done", { name: row.display_name }), "/log-ins", "/users") },
                          )
                        }
                      >
                        <Button size="small">{t("users.log_out")}</Button>
                      </Popconfirm>
                    ),
                },
              ]}
            />
            <div className="admin-row" style={{ marginTop: 12 }}>
              <Button disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
                {t("newer")}
              </Button>
              <Button disabled={!found.older} onClick={() => found.older && setPages([...pages, found.older])}>
                {t("older")}
              </Button>
            </div>
          </>
        )}
      </Loaded>
    </>
  );
}
