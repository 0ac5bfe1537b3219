// What surrounds every page: language, theme, queries, the log-in, the live link, the router.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App as AntApp, ConfigProvider, Spin } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { queries } from "@/api/client";
import { logInEnded } from "@/api/log_in_ended";
import { ProblemNote } from "@/shown/ProblemNote";
import { Problem } from "@/api/problem";
import { LiveLink } from "./LiveLink";
import { nonce } from "./nonce";
import { router } from "./router";
import { theme } from "./theme";
import "./words";

const LogInPage = lazy(async () => ({ default: (await import("@/log_in/LogInPage")).LogInPage }));
const LogInAgain = lazy(async () => ({ default: (await import("@/log_in/LogInAgain")).LogInAgain }));

export function App() {
  const { i18n } = useTranslation();
  return (
    <ConfigProvider
      theme={theme}
      csp={{ nonce }}
      locale={i18n.language === "en" ? enUS : zhCN}
      button={{ autoInsertSpace: false }}
      virtual
    >
      <AntApp message={{ maxCount: 3 }}>
        <QueryClientProvider client={queries}>
          <Inside />
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

function Inside() {
  const me = useMe();
  const ended = logInEnded((state) => state.ended);
  if (me.isPending) return <Spin fullscreen />;
  if (!me.data) {
    if (me.error instanceof Problem && me.error.status !== 401) {
      return <ProblemNote problem={me.error} retry={() => void me.refetch()} />;
    }
    return (
      <Suspense fallback={<Spin fullscreen />}>
        <LogInPage />
      </Suspense>
    );
  }
  return (
    <LiveLink>
      <RouterProvider router={router} />
      {ended && (
        <Suspense fallback={null}>
          <LogInAgain login={me.data.login} />
        </Suspense>
      )}
    </LiveLink>
  );
}
