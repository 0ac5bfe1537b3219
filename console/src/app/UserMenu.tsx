// Who is logged in, and the way out.
import { Button, Dropdown } from "antd";
import { App } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { useMe } from "@/api/me";
import { inWords } from "@/api/problem";

const OwnPassword = lazy(() => import("@/log_in/OwnPassword"));

export function UserMenu() {
  const { t } = useTranslation("app");
  const { message } = App.useApp();
  const me = useMe();
  const [changing, setChanging] = useState(false);
  const leave = $api.useMutation("post", "/api/v1/log-out", {
    onSuccess: () => {
      queries.clear();
      // Nothing that was typed about a patient stays on this computer.
      void import("@/work/draft").then(({ dropAll }) => dropAll()).finally(() => location.assign("/"));
    },
    onError: (problem) => void message.error([inWords(problem).title, inWords(problem).detail].filter(Boolean).join(": ")),
  });
  return (
    <>
      <Dropdown
        autoFocus
        trigger={["click"]}
        menu={{
          items: [
            { key: "password", label: t("own_password") },
            { key: "out", label: t("log_out") },
          ],
          onClick: ({ key, domEvent }) => {
            domEvent.preventDefault(); // else the same press of Enter closes the dialog that it opens
            if (key === "out") leave.mutate({});
            else setChanging(true);
          },
        }}
      >
        <Button type="text">{me.data?.display_name}</Button>
      </Dropdown>
      {changing && (
        <Suspense fallback={null}>
          <OwnPassword close={() => setChanging(false)} />
        </Suspense>
      )}
    </>
  );
}
