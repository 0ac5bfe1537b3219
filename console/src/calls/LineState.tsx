// Whether this page hears the server.
import { Badge } from "antd";
import { useTranslation } from "react-i18next";
import { link } from "@/live/connection";
import { clockWithSeconds } from "@/shown/instants";

export function LineState() {
  const { t } = useTranslation("app");
  const { state, heardAt } = link();
  if (state === "live") return <Badge status="success" text={t("connection.live")} />;
  return (
    <Badge
      status="error"
      text={heardAt ? `${t("connection.lost")} · ${t("connection.stale", { time: clockWithSeconds(new Date(heardAt)) })}` : t("connection.lost")}
    />
  );
}
