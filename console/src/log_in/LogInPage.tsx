// The first page of somebody who is not logged in.
import { Button, Card } from "antd";
import { useTranslation } from "react-i18next";
import { queries } from "@/api/client";
import { speak } from "@/words";
import { LogInForm } from "./LogInForm";

export function LogInPage() {
  const { t, i18n } = useTranslation("app");
  return (
    <main style={{ display: "grid", placeItems: "center", height: "100%" }}>
      <Card
        title={<h1 style={{ fontSize: 20, margin: 0 }}>{t("title")}</h1>}
        style={{ width: 380 }}
        extra={
          <Button type="text" lang={i18n.language === "en" ? "zh-CN" : "en"} onClick={() => speak(i18n.language === "en" ? "zh" : "en")}>
            {t("language")}
          </Button>
        }
      >
        <LogInForm onDone={() => void queries.resetQueries()} />
      </Card>
    </main>
  );
}
