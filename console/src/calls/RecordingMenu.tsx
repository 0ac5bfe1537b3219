// What can be asked of the recording while one talks; a refusal destroys what was recorded, so it is asked twice.
import { Button, Popconfirm } from "antd";
import { useTranslation } from "react-i18next";
import type { Call } from "./call";
import { commandTo, useCallCommand, type Verb } from "./commands";
import { closePanel } from "./panel";
import { recordingShown } from "./recording";

export function RecordingMenu({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const command = useCallCommand();
  const shown = recordingShown(call);
  const ask = (verb: Verb) => command.mutate(commandTo(call.id, verb), { onSuccess: closePanel });
  const can = (verb: Verb) => call.commands.includes(verb);
  return (
    <div className="choices">
      {shown && <p>{t(`recording.why.${shown}`)}</p>}
      {call.recording_paused ? (
        <Button block disabled={!can("resume_recording")} loading={command.isPending} onClick={() => ask("resume_recording")}>
          {t("recording.resume")}
        </Button>
      ) : (
        <Button block disabled={!can("pause_recording")} loading={command.isPending} onClick={() => ask("pause_recording")}>
          {t("recording.pause")}
        </Button>
      )}
      <Popconfirm
        title={t("recording.refuse_sure")}
        description={t("recording.refuse_help")}
        okText={t("recording.refuse_yes")}
        cancelText={t("cancel")}
        onConfirm={() => ask("refuse_recording")}
      >
        <Button block danger disabled={!can("refuse_recording")}>
          {t("recording.refuse")}
        </Button>
      </Popconfirm>
    </div>
  );
}
