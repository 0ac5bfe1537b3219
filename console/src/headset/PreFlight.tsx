// The check before the shift, in one dialog: what she wears, microphone with its level, loudspeaker, the line. Each step says what to do;
// nobody becomes available with a microphone that is refused, missing or silent.
import { AudioOutlined, CheckCircleFilled, CloseCircleFilled, MinusCircleOutlined, PhoneOutlined, SoundOutlined } from "@ant-design/icons";
import { Alert, Button, Form, Input, Modal, Segmented, Select } from "antd";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useHasRole } from "@/api/me";
import { useTold } from "@/calls/commands";
import { learnDesk, useAskForState, useDesk } from "@/calls/desk";
import { leading } from "@/calls/leader";
import { preFlight, readyToTalk } from "@/calls/pre_flight";
import { link } from "@/live/connection";
import { inWords } from "@/api/problem";
import { LevelMeter } from "./LevelMeter";
import { useSilence } from "./useSilence";
import { chooseMicrophone, chooseSpeaker, headset, putOn, takeOff, worn } from "./worn";
import "./words";
import "./headset.css";

type Kind = "browser" | "phone";
type Mark = "good" | "bad" | "waits";

const TONE_HERTZ = 660;
const IN_A_CALL: ReadonlySet<string> = new Set(["reserved", "on_call", "wrap_up"]);

export default function PreFlight() {
  const { t } = useTranslation("headset");
  const agent = useHasRole("agent");
  const desk = useDesk().data;
  const told = useTold();
  const follows = leading((state) => state.follows);
  const network = link((state) => state.state);
  const { state, fault, told: why } = worn();
  const [chosen, setChosen] = useState<Kind>();
  const kind = chosen ?? (desk?.headset_kind === "phone" && desk.headset !== "" && state === "off" ? "phone" : "browser");
  const ask = useAskForState();
  const silent = useSilence(state === "on");
  const close = () => preFlight.setState({ open: false });
  const up = agent ? desk !== undefined && readyToTalk(desk) : state === "on";
  const speaks = kind === "phone" || (state === "on" && silent === "sounds");
  const ready = up && speaks && network === "live";
  const idle = desk !== undefined && !IN_A_CALL.has(desk.state);
  const finish = () => {
    if (!agent || !idle || desk.state === "available") {
      close();
      return;
    }
    ask.mutate({ body: { state: "available", reason: "" } }, { onSuccess: close, onError: told });
  };
  return (
    <Modal
      open
      width={560}
      title={t("title")}
      onCancel={close}
      okText={t(agent && idle && desk.state !== "available" ? "become_available" : "done")}
      cancelText={t("later")}
      okButtonProps={{ disabled: !ready || follows, loading: ask.isPending }}
      onOk={finish}
    >
      {follows && <Alert type="warning" showIcon title={t("second_tab")} />}
      {agent && (
        <Segmented
          block
          name={t("kind")}
          value={kind}
          disabled={state !== "off" && state !== "refused"}
          onChange={setChosen}
          options={[
            { value: "browser", label: t("kinds.browser"), icon: <AudioOutlined aria-hidden /> },
            { value: "phone", label: t("kinds.phone"), icon: <PhoneOutlined aria-hidden /> },
          ]}
        />
      )}
      <ol className="pre-flight">
        <Step mark={network === "live" ? "good" : "bad"} title={t("network.title")}>
          {t(`network.${network === "live" ? "live" : "lost"}`)}
        </Step>
        {kind === "browser" ? <BrowserSteps silent={silent} disabled={follows} /> : <PhoneStep disabled={follows} />}
        {agent && (
          <Step mark={up ? "good" : "waits"} title={t("line.title")}>
            {t(up ? "line.up" : desk?.headset_state === "ringing" ? "line.ringing" : "line.down")}
          </Step>
        )}
      </ol>
      {fault && <Alert type="error" showIcon title={t(`faults.${fault}.title`)} description={fault === "offer_refused" ? why : t(`faults.${fault}.help`)} />}
      {!fault && state === "lost" && <Alert type="warning" showIcon title={t("lost")} description={why} />}
    </Modal>
  );
}

function BrowserSteps({ silent, disabled }: { silent: ReturnType<typeof useSilence>; disabled: boolean }) {
  const { t } = useTranslation("headset");
  const desk = useDesk().data;
  const told = useTold();
  const { state, microphone, speaker } = worn();
  const [heard, setHeard] = useState<boolean | null>(null);
  const [devices, setDevices] = useState<Awaited<ReturnType<typeof headset.devices>>>({ microphones: [], speakers: [] });
  const off = state === "off" || state === "refused";
  useEffect(() => {
    const look = () => void headset.devices().then(setDevices);
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, [state]);
  const wear = () => {
    void putOn();
    if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission();
  };
  const leave = () => void takeOff(desk ? "desk" : "supervision").catch((problem: unknown) => told(problem));
  const options = (found: MediaDeviceInfo[]) => [
    { value: "", label: t("standard") },
    ...found.filter(({ deviceId }) => deviceId && deviceId !== "default").map(({ deviceId, label }) => ({ value: deviceId, label: label || deviceId })),
  ];
  const mark: Mark = off ? "waits" : state !== "on" ? "waits" : silent === "sounds" ? "good" : silent === "silent" ? "bad" : "waits";
  return (
    <>
      <Step mark={mark} title={t("microphone.title")}>
        {off ? (
          <Button type="primary" disabled={disabled} onClick={wear}>
            {t("put_on")}
          </Button>
        ) : (
          <>
            <p aria-live="polite">{state === "on" ? t(`microphone.${silent}`) : t(`states.${state}`)}</p>
            <LevelMeter which="in" label={t("microphone.level")} />
            <Select
              aria-label={t("microphone.choose")}
              value={devices.microphones.some(({ deviceId }) => deviceId === microphone) ? microphone : ""}
              options={options(devices.microphones)}
              onChange={(id) => void chooseMicrophone(id)}
            />
          </>
        )}
      </Step>
      <Step mark={heard === null ? "waits" : heard ? "good" : "bad"} title={t("speaker.title")}>
        {devices.speakers.length > 0 && (
          <Select
            aria-label={t("speaker.choose")}
            value={devices.speakers.some(({ deviceId }) => deviceId === speaker) ? speaker : ""}
            options={options(devices.speakers)}
            onChange={(id) => void chooseSpeaker(id).catch((problem: unknown) => told(inWords(problem)))}
          />
        )}
        <span className="asked">
          <Button icon={<SoundOutlined aria-hidden />} onClick={() => void headset.tone(TONE_HERTZ, 1)}>
            {t("speaker.play")}
          </Button>
          <Button aria-pressed={heard === true} onClick={() => setHeard(true)}>
            {t("speaker.heard")}
          </Button>
          <Button aria-pressed={heard === false} onClick={() => setHeard(false)}>
            {t("speaker.not_heard")}
          </Button>
        </span>
        {heard === false && <p>{t("speaker.help")}</p>}
      </Step>
      {!off && (
        <Button className="take-off" disabled={disabled} onClick={leave}>
          {t("take_off")}
        </Button>
      )}
    </>
  );
}

function PhoneStep({ disabled }: { disabled: boolean }) {
  const { t } = useTranslation("headset");
  const desk = useDesk().data;
  const told = useTold();
  const attach = $api.useMutation("post", "/api/v1/agents/me/headset", { onSuccess: learnDesk, onError: told });
  const detach = $api.useMutation("delete", "/api/v1/agents/me/headset", { onSuccess: learnDesk, onError: told });
  const rung = desk?.headset_kind === "phone" && desk.headset_wanted;
  return (
    <Step mark={rung ? "good" : "waits"} title={t("phone.title")}>
      <p>{t("phone.help")}</p>
      <Form
        layout="inline"
        initialValues={{ headset: desk?.headset_kind === "phone" ? desk.headset : "" }}
        onFinish={({ headset: phone }: { headset: string }) => attach.mutate({ body: { headset: phone.trim() } })}
      >
        <Form.Item name="headset" label={t("phone.number")} rules={[{ required: true }]}>
          <Input maxLength={120} disabled={rung || disabled} />
        </Form.Item>
        {rung ? (
          <Button loading={detach.isPending} disabled={disabled} onClick={() => detach.mutate({})}>
            {t("phone.put_down")}
          </Button>
        ) : (
          <Button type="primary" htmlType="submit" loading={attach.isPending} disabled={disabled}>
            {t("phone.ring")}
          </Button>
        )}
      </Form>
    </Step>
  );
}

function Step({ mark, title, children }: { mark: Mark; title: string; children: ReactNode }) {
  const { t } = useTranslation("headset");
  const icon = { good: <CheckCircleFilled aria-hidden />, bad: <CloseCircleFilled aria-hidden />, waits: <MinusCircleOutlined aria-hidden /> }[mark];
  return (
    <li data-mark={mark}>
      <h3>
        <span className="mark" role="img" aria-label={t(`marks.${mark}`)}>
          {icon}
        </span>
        {title}
      </h3>
      <div>{children}</div>
    </li>
  );
}
