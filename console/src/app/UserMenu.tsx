// Who is logged in, and the way out.
import { Button, Dropdown } from "antd";
import { App } from "antd";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { useMe } from "@/api/me";
import { inWords } from "@/api/problem";

export function UserMenu() {
  const { t } = useTranslation("app");
  const { message } = App.useApp();
  const me = useMe();
  const leave = $api.useMutation("post", "/api/v1/log-out", {
    onSuccess: () => {
      queries.clear();
      location.assign("/");
    },
    onError: (problem) => void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": ")),
  });
  return (
    <Dropdown trigger={["click"]} menu={{ items: [{ key: "out", label: t("log_out") }], onClick: () => leave.mutate({}) }}>
      <Button type="text">{me.data?.display_name}</Button>
    </Dropdown>
  );
}
