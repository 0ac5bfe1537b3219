// The clock of a request: overdue, due today, or so many days left; in words, not by color alone.
import { ClockCircleOutlined, ExclamationCircleOutlined } from "@ant-design/icons";
import { Tag } from "antd";
import { useTranslation } from "react-i18next";
import { serverNow } from "@/live/server_clock";
import { isoDay } from "@/shown/instants";
import type { PatientRequest } from "./columns";
import { dueOf } from "./due";

export function DueTag({ request }: { request: PatientRequest }) {
  const { t } = useTranslation("complaints");
  if (request.state === "closed") return null;
  const due = dueOf(request.due_on, isoDay(new Date(serverNow())));
  if (due.kind === "left") return <Tag icon={<ClockCircleOutlined />}>{t("due_in", { days: due.days })}</Tag>;
  if (due.kind === "today") {
    return (
      <Tag color="warning" icon={<ClockCircleOutlined />}>
        {t("due_today")}
      </Tag>
    );
  }
  return (
    <Tag color="error" icon={<ExclamationCircleOutlined />}>
      {t("overdue")}
    </Tag>
  );
}
