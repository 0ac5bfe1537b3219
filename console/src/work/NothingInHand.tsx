// Between two patients: what happens next by itself, and what can be done meanwhile.
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { keysOf, bindings, shownKeys } from "@/keyboard/commands";
import { KeyButton } from "@/keyboard/KeyButton";

export function NothingInHand({ onRequest }: { onRequest: () => void }) {
  const { t } = useTranslation("work");
  const desk = $api.useQuery("get", "/api/v1/agents/me/state");
  const chosen = bindings((state) => state.chosen);
  const state = desk.data?.state;
  const key = (command: "agent_state" | "next_task" | "shortcuts") => shownKeys(keysOf(command, chosen));
  return (
    <div className="nothing">
      <h2>{t("nothing.title")}</h2>
      <p>
        {state === "available"
          ? t(desk.data?.ready ? "nothing.comes" : "nothing.not_ready")
          : t("nothing.away", { keys: key("agent_state") })}
      </p>
      <p className="quiet">{t("nothing.keys", { next: key("next_task"), sheet: key("shortcuts") })}</p>
      <div className="nothing-actions">
        <KeyButton size="small" command="new_request" onRun={onRequest}>
          {t("request.key")}
        </KeyButton>
      </div>
    </div>
  );
}
