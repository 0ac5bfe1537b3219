// Asking a supervisor for help, and seeing that one comes.
import { QuestionCircleOutlined } from "@ant-design/icons";
import { App } from "antd";
import { useTranslation } from "react-i18next";
import { KeyButton } from "@/keyboard/KeyButton";
import { $api } from "@/api/client";
import { leading } from "./leader";
import { useTold } from "./commands";

export function HelpButton({ callId }: { callId: string }) {
  const { t } = useTranslation("calls");
  const { message } = App.useApp();
  const told = useTold();
  const follows = leading((state) => state.follows);
  const own = $api.useQuery("get", "/api/v1/agents/me/help");
  const ask = $api.useMutation("post", "/api/v1/agents/me/help", {
    onSuccess: () => {
      void message.info(t("help.asked"));
      void own.refetch();
    },
    onError: told,
  });
  const withdraw = $api.useMutation("post", "/api/v1/agents/me/help/withdraw", { onSuccess: () => void own.refetch(), onError: told });
  const help = own.data?.help ?? null;
  const words = help === null ? t("help.ask") : help.state === "coming" ? t("help.coming", { name: help.taken_by_name ?? "" }) : t("help.waiting");
  return (
    <KeyButton
      command="ask_for_help"
      icon={<QuestionCircleOutlined aria-hidden />}
      aria-pressed={help !== null}
      disabled={follows}
      loading={ask.isPending || withdraw.isPending}
      onRun={() => (help ? withdraw.mutate({}) : ask.mutate({ body: { call_id: callId } }))}
    >
      {words}
    </KeyButton>
  );
}
