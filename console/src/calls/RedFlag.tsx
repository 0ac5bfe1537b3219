// A sign of danger that the agent hears: one press raises the alert, the sentence to say stands at once, and the doctor on duty is one press away.
import { Alert, Button, Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { serverNow } from "@/live/server_clock";
import { Loaded } from "@/shown/Loaded";
import { said } from "@/words";
import { useCall, type Call } from "./call";
import { useTold } from "./commands";
import { RaisedAlert } from "./RaisedAlert";

export function RedFlag({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const { attempt } = useCall();
  const [words, setWords] = useState("");
  const told = useTold();
  const levels = $api.useQuery("get", "/api/v1/alert-levels", undefined, { staleTime: Infinity });
  const raise = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/alerts", { onError: told });
  if (raise.data) return <RaisedAlert alert={raise.data} call={call} />;
  const press = (code: string, level: Shape["AlertLevel"], title: string) => {
    if (!attempt) return;
    const second = call.answered_at ? Math.max(0, (serverNow() - Date.parse(call.answered_at)) / 1000) : 0;
    raise.mutate({
      params: { path: { attempt_id: attempt.id } },
      body: { code, level, text: words.trim() || title, at_second: Math.round(second * 10) / 10 },
    });
  };
  return (
    <Loaded query={levels}>
      {({ signs, levels: all }) => (
        <>
          <Alert type="error" showIcon title={t("red_flag.help")} />
          <Input
            value={words}
            onChange={(event) => setWords(event.target.value)}
            maxLength={500}
            aria-label={t("red_flag.words")}
            placeholder={t("red_flag.words")}
          />
          <div className="targets signs">
            {signs.map((sign) => (
              <Button
                key={sign.code}
                danger={sign.level === "red"}
                disabled={raise.isPending}
                onClick={() => press(sign.code, sign.level, said(sign.title))}
              >
                {t(`levels.${sign.level}`)} · {said(sign.title)}
              </Button>
            ))}
            {all
              .filter(({ level }) => level !== "yellow")
              .map(({ level }) => (
                <Button
                  key={level}
                  danger={level === "red"}
                  disabled={raise.isPending || words.trim() === ""}
                  onClick={() => press("said_by_agent", level, words)}
                >
                  {t(`levels.${level}`)} · {t("red_flag.other")}
                </Button>
              ))}
          </div>
        </>
      )}
    </Loaded>
  );
}
