// Over whatever page was open when the log-in ended: nothing below is lost, a call is not touched.
import { Modal } from "antd";
import { useTranslation } from "react-i18next";
import { queries } from "@/api/client";
import { logInEnded } from "@/api/log_in_ended";
import { LogInForm } from "./LogInForm";

export function LogInAgain({ login }: { login: string }) {
  const { t } = useTranslation("log_in");
  const done = () => {
    logInEnded.getState().begin();
    void queries.invalidateQueries();
  };
  return (
    <Modal open title={t("title")} footer={null} closable={false} mask={{ closable: false }} keyboard={false}>
      <p>{t("again")}</p>
      <LogInForm login={login} onDone={done} />
    </Modal>
  );
}
