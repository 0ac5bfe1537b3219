// The first page of somebody who is not logged in.
import { Button, Card } from "antd";
import { useTranslation } from "react-i18next";
import { queries } from "@/api/client";
import { logInEnded } from "@/api/log_in_ended";
import { speak } from "@/words";
import { LogInForm } from "./LogInForm";
import "./log_in.css";

export function LogInPage() {
  const { t, i18n } = useTranslation(["app", "log_in"]);
  // The first question of somebody not logged in is refused too: without this he would be asked again over his first page.
  const done = () => {
    logInEnded.getState().begin();
    void queries.resetQueries();
  };
  return (
    <main className="log-in">
      <Card
        title={<h1>{t("title")}</h1>}
        extra={
          <Button type="text" lang={i18n.language === "en" ? "zh-CN" : "en"} onClick={() => speak(i18n.language === "en" ? "zh" : "en")}>
            {t("language")}
          </Button>
        }
      >
        <LogInForm onDone={done} />
        <p className="log-in-help">{t("log_in:help")}</p>
      </Card>
    </main>
  );
}
