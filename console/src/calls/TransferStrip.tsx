// A transfer under way: who is rung or spoken with, and how it can end.
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Since } from "@/shown/Since";
import { lookAtCall, type Call } from "./call";
import { useTold } from "./commands";
import { leading } from "./leader";

type Ending = Shape["TransferEnding"];

export function TransferStrip({ call, transfer }: { call: Call; transfer: Shape["TransferAnswer"] }) {
  const { t } = useTranslation("calls");
  const follows = leading((state) => state.follows);
  const told = useTold();
  const end = $api.useMutation("post", "/api/v1/calls/{call_id}/transfers/{transfer_id}/end", {
    onError: told,
    onSettled: () => void lookAtCall(),
  });
  const finish = (ending: Ending) =>
    end.mutate({ params: { path: { call_id: call.id, transfer_id: transfer.id } }, body: { ending } });
  const asked = end.isPending ? end.variables.body.ending : null;
  const spoken = transfer.answered_at !== null;
  return (
    <div className="strip" role="group" aria-label={t("transfer.title")}>
      <span>
        {t(`transfer.states.${transfer.state as "dialing" | "consulting" | "together"}`)} {transfer.number} <Since instant={transfer.answered_at ?? transfer.asked_at} />
      </span>
      {spoken && (
        <Button type="primary" disabled={follows} loading={asked === "hand_over"} onClick={() => finish("hand_over")}>
          {t("transfer.hand_over")}
        </Button>
      )}
      {transfer.state === "consulting" && (
        <Button disabled={follows} loading={asked === "together"} onClick={() => finish("together")}>
          {t("transfer.together")}
        </Button>
      )}
      <Button disabled={follows} loading={asked === "back"} onClick={() => finish("back")}>
        {t("transfer.back")}
      </Button>
    </div>
  );
}
