// Pages that are none: unknown address, not for this role, failed while showing.
import { useNavigate } from "@tanstack/react-router";
import { Button, Result } from "antd";
import { useTranslation } from "react-i18next";

export function NotFound() {
  const { t } = useTranslation("app");
  const go = useNavigate();
  return (
    <Result
      status="404"
      title={t("not_found")}
      subTitle={t("not_found_help")}
      extra={<Button onClick={() => void go({ to: "/" })}>{t("to_start")}</Button>}
    />
  );
}

export function NotYours() {
  const { t } = useTranslation("app");
  const go = useNavigate();
  return (
    <Result
      status="403"
      title={t("not_yours")}
      subTitle={t("not_yours_help")}
      extra={<Button onClick={() => void go({ to: "/" })}>{t("to_start")}</Button>}
    />
  );
}

export function Failed({ error }: { error: unknown }) {
  const { t } = useTranslation("app");
  const told = error instanceof Error ? error.message : String(error);
  const gone = /dynamically imported module|Failed to fetch/.test(told);
  return (
    <Result
      status="error"
      title={gone ? t("new_version") : t("failed")}
      subTitle={gone ? undefined : t("failed_help")}
      extra={<Button onClick={() => location.reload()}>{t("reload")}</Button>}
    >
      {!gone && <p lang="en">{told}</p>}
    </Result>
  );
}
