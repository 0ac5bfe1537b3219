// The line to a patient: who, how long, recorded or not, and everything that can be asked of it; then the wrap-up in the same place.
import {
  AlertOutlined,
  AudioMutedOutlined,
  AudioOutlined,
  CustomerServiceOutlined,
  EllipsisOutlined,
  EyeOutlined,
  NumberOutlined,
  PauseCircleOutlined,
  PhoneOutlined,
  PlayCircleOutlined,
  SwapOutlined,
} from "@ant-design/icons";
import { Button } from "antd";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { KeyButton } from "@/keyboard/KeyButton";
import { Since } from "@/shown/Since";
import WrapUpStrip from "@/work/WrapUpStrip";
import { IN_CALL, lookAtCall, useCall, type Call } from "./call";
import { commandTo, useCallCommand, useTold, type Verb } from "./commands";
import { HelpButton } from "./HelpButton";
import { leading } from "./leader";
import { closePanel, panel, toggle } from "./panel";
import { recordingShown } from "./recording";
import { RejoinNote } from "./RejoinNote";
import { TransferStrip } from "./TransferStrip";
import { useMute } from "./useMute";

const Panels = lazy(() => import("./Panels"));

export default function CallLine() {
  const { t } = useTranslation("calls");
  const { call, attempt, patient, phase } = useCall();
  const follows = leading((state) => state.follows);
  const open = panel((state) => state.open);
  const told = useTold();
  const dial = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/dial", { onError: told, onSettled: () => void lookAtCall() });
  const talks = IN_CALL.has(phase);
  useEffect(() => {
    if (!talks && phase !== "wrap_up") closePanel();
  }, [talks, phase]);
  return (
    <section className="call-bar" aria-label={t("bar")} data-phase={phase}>
      {open && call && (
        <Suspense fallback={null}>
          <Panels open={open} call={call} />
        </Suspense>
      )}
      {call && talks && <RejoinNote />}
      {call?.transfer && talks && <TransferStrip call={call} transfer={call.transfer} />}
      <div className="line">
        <div className="who">
          <PhoneOutlined aria-hidden />
          <span className="phase">{t(`phases.${phase}`)}</span>
          <Age />
          {patient && <strong>{patient.name}</strong>}
          <span className="number">{call?.number ?? patient?.number}</span>
          {call && talks && <Recorded call={call} />}
          {call?.supervisor && (
            <span className="supervisor" role="status">
              <EyeOutlined aria-hidden /> {t(`supervisor.${call.supervisor.mode}`)}
            </span>
          )}
        </div>
        {phase === "wrap_up" && <WrapUpStrip />}
        {phase === "preview" && attempt && (
          <KeyButton
            command="answer_or_dial"
            type="primary"
            icon={<PhoneOutlined aria-hidden />}
            disabled={follows}
            loading={dial.isPending}
            onRun={() => dial.mutate({ params: { path: { attempt_id: attempt.id } } })}
          >
            {t("dial")}
          </KeyButton>
        )}
        {call && (talks || phase === "ending") && <Controls call={call} />}
        {phase === "consulted" && <span className="consulted">{t("consulted")}</span>}
        {phase === "wrap_up" && call && (
          <Button icon={<AlertOutlined aria-hidden />} aria-expanded={open === "red_flag"} onClick={() => toggle("red_flag")}>
            {t("red_flag.short")}
          </Button>
        )}
      </div>
    </section>
  );
}

function Age() {
  const { t } = useTranslation("calls");
  const { attempt, call, phase } = useCall();
  if (phase === "wrap_up") return attempt?.wrap_up_at ? <Since instant={attempt.wrap_up_at} /> : null;
  if (phase === "preview") return <span>{t("preview")}</span>;
  const since = call?.bridged_at ?? call?.answered_at ?? call?.ringing_at ?? call?.planned_at;
  return since ? <Since instant={since} /> : null;
}

function Recorded({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const shown = recordingShown(call);
  if (!shown) return null;
  return (
    <span className="recorded" data-shown={shown} title={t(`recording.why.${shown}`)}>
      <i className="dot" aria-hidden />
      {t(`recording.${shown}`)}
    </span>
  );
}

function Controls({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const follows = leading((state) => state.follows);
  const open = panel((state) => state.open);
  const command = useCallCommand();
  const mute = useMute(call);
  const can = (verb: Verb) => !follows && call.commands.includes(verb);
  const ask = (verb: Verb) => command.mutate(commandTo(call.id, verb));
  const held = call.state === "held" && call.held_by.includes("us");
  const asked = command.isPending ? command.variables.body.verb : null;
  const ends = asked === "hang_up" || (command.isSuccess && command.variables.body.verb === "hang_up" && command.variables.params.path.call_id === call.id);
  return (
    <div className="controls" role="group" aria-label={t("controls")}>
      <KeyButton
        command="mute"
        icon={mute.muted ? <AudioMutedOutlined aria-hidden /> : <AudioOutlined aria-hidden />}
        aria-pressed={mute.muted}
        danger={mute.muted}
        type={mute.muted ? "primary" : "default"}
        disabled={!mute.possible}
        onRun={mute.toggle}
      >
        {t(mute.muted ? "muted" : "mute")}
      </KeyButton>
      <KeyButton
        command="hold"
        icon={held ? <PlayCircleOutlined aria-hidden /> : <PauseCircleOutlined aria-hidden />}
        aria-pressed={held}
        disabled={!can(held ? "resume" : "hold")}
        onRun={() => ask(held ? "resume" : "hold")}
      >
        {t(held ? "resume" : "hold")}
      </KeyButton>
      <KeyButton command="keypad" icon={<NumberOutlined aria-hidden />} aria-expanded={open === "keypad"} disabled={!can("send_digits")} onRun={() => toggle("keypad")}>
        {t("keypad.short")}
      </KeyButton>
      <KeyButton
        command="transfer"
        icon={<SwapOutlined aria-hidden />}
        aria-expanded={open === "transfer"}
        disabled={follows || call.state !== "bridged" || call.transfer !== null}
        onRun={() => toggle("transfer")}
      >
        {t("transfer.short")}
      </KeyButton>
      <HelpButton callId={call.id} />
      <KeyButton command="red_flag" icon={<AlertOutlined aria-hidden />} aria-expanded={open === "red_flag"} disabled={follows} onRun={() => toggle("red_flag")}>
        {t("red_flag.short")}
      </KeyButton>
      <Button icon={<CustomerServiceOutlined aria-hidden />} title={t("captions.title")} aria-label={t("captions.title")} aria-expanded={open === "captions"} onClick={() => toggle("captions")} />
      <Button icon={<EllipsisOutlined aria-hidden />} title={t("recording.menu")} aria-label={t("recording.menu")} aria-expanded={open === "recording"} disabled={follows} onClick={() => toggle("recording")} />
      {/* Never asks what the screen believes: whoever wants to hang up can. */}
      <KeyButton command="hang_up" type="primary" danger icon={<PhoneOutlined rotate={135} aria-hidden />} loading={ends && asked !== null} onRun={() => ask("hang_up")}>
        {t(ends ? "hanging_up" : "hang_up")}
      </KeyButton>
    </div>
  );
}
