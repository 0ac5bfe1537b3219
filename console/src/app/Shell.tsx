// The frame around every page: top bar, the page, and the call bar that stays across all of them.
import { Outlet } from "@tanstack/react-router";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { AgentMenu } from "@/calls/AgentMenu";
import { AlertsBell } from "@/calls/AlertsBell";
import { CallBar } from "@/calls/CallBar";
import { LineState } from "@/calls/LineState";
import { ShortcutSheet } from "@/keyboard/ShortcutSheet";
import { speak } from "@/words";
import { Rooms } from "./Rooms";
import { UserMenu } from "./UserMenu";
import { PAGES } from "./pages";
import { mayOpen } from "./router";

export function Shell() {
  const { t, i18n } = useTranslation("app");
  const me = useMe();
  const roles = me.data?.roles ?? [];
  const shown = PAGES.filter((page) => page.nav && mayOpen(page, roles));
  return (
    <div className="shell">
      <a className="skip" href="#page">
        {t("skip")}
      </a>
      <header className="top-bar">
        <span className="site">{t("title")}</span>
        <Rooms pages={shown} />
        {roles.includes("agent") && <AgentMenu />}
        <LineState />
        <AlertsBell />
        <Button type="text" lang={i18n.language === "en" ? "zh-CN" : "en"} onClick={() => speak(i18n.language === "en" ? "zh" : "en")}>
          {t("language")}
        </Button>
        <UserMenu />
      </header>
      <main id="page" tabIndex={-1}>
        <Outlet />
      </main>
      <CallBar />
      <ShortcutSheet />
    </div>
  );
}
