// Begin to judge a call, or go on with it; for every page that shows one. Shows nothing to who may not.
import { useNavigate } from "@tanstack/react-router";
import { App, Button, type ButtonProps } from "antd";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import { inWords } from "@/api/problem";
import "./words";

interface Props extends Pick<ButtonProps, "size" | "type"> {
  attemptId: string;
  /** The first there is, unless said. */
  card?: string;
  roundId?: string;
  label?: string;
}

export function JudgeButton({ attemptId, card, roundId, label, ...rest }: Props) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const navigate = useNavigate();
  const oversees = useHasRole("supervisor");
  const cards = $api.useQuery("get", "/api/v1/scorecards", undefined, { enabled: oversees && !card, staleTime: Infinity });
  const begin = $api.useMutation("post", "/api/v1/quality/scores", {
    onSuccess: (score) => void navigate({ to: `/quality/scores/${score.id}` }),
    onError: (error) => {
      const { title, detail } = inWords(error);
      void message.error(`${title} ${detail}`);
    },
  });
  const chosen = card ?? cards.data?.cards[0]?.id;
  if (!oversees || !chosen) return null;
  return (
    <Button {...rest} loading={begin.isPending} onClick={() => begin.mutate({ body: { attempt_id: attemptId, card: chosen, round_id: roundId ?? null } })}>
      {label ?? t("judge.button")}
    </Button>
  );
}
