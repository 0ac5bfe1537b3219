// How many alerts nobody has acknowledged. The number opens no record; the list is loaded when it is asked for.
import { BellOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import "./words";
import "./calls.css";

const AlertsDrawer = lazy(() => import("./AlertsDrawer"));

export function AlertsBell() {
  const { t } = useTranslation("calls");
  const cares = useHasRole("agent", "supervisor", "doctor", "registrar");
  const [open, setOpen] = useState(false);
  const count = $api.useQuery("get", "/api/v1/alert-count", undefined, { enabled: cares }).data;
  if (!cares) return null;
  const raised = count?.raised ?? 0;
  return (
    <>
      <Button
        type="text"
        className="alerts-bell"
        data-red={(count?.red ?? 0) > 0}
        icon={<BellOutlined aria-hidden />}
        aria-haspopup="dialog"
        aria-label={t("alerts.bell", { count: raised })}
        onClick={() => setOpen(true)}
      >
        {raised > 0 && <b>{raised > 99 ? "99+" : raised}</b>}
      </Button>
      {open && (
        <Suspense fallback={null}>
          <AlertsDrawer onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
