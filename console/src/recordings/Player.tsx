// The player: waveform, place, speed, who is heard. It plays what `usePlayback` holds, so that a page may seek in it too.
import {
  BackwardOutlined,
  CaretRightOutlined,
  ForwardOutlined,
  LoadingOutlined,
  PauseOutlined,
} from "@ant-design/icons";
import { Segmented, Select, Slider, Switch } from "antd";
import { useEffect, useMemo, type MouseEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { span } from "@/shown/instants";
import { ProblemNote } from "@/shown/ProblemNote";
import type { Lanes } from "./lanes";
import { RATES, STEP_SECONDS, useListening, type Playback } from "./playback";
import { silencesBetween, silencesOf } from "./silence";
import { secondBefore, secondBehind, type Timed } from "./turns";
import { Waveform, type Mark } from "./Waveform";
import "./player.css";
import "./words";

interface Props {
  playback: Playback;
  seconds: number;
  peaks: Shape["PeaksAnswer"] | null;
  turns?: readonly Timed[];
  marks?: readonly Mark[];
}

const NO_TURNS: readonly Timed[] = [];
const NO_MARKS: readonly Mark[] = [];
const LANES: readonly Lanes[] = ["together", "apart", "agent", "patient"];

/** A click leaves the focus where it was, so that the space bar goes on to play and pause. */
const keepFocus = (event: MouseEvent) => event.preventDefault();

export function Player({ playback, seconds, peaks, turns = NO_TURNS, marks = NO_MARKS }: Props) {
  const { t } = useTranslation("recordings");
  const listening = useListening(playback, (now) => now);
  useEffect(() => playback.know(seconds), [playback, seconds]);
  const silences = useMemo(
    () => (peaks?.agent.length ? silencesOf(peaks) : turns.length ? silencesBetween(turns, seconds) : []),
    [peaks, turns, seconds],
  );
  useEffect(() => playback.silent(silences), [playback, silences]);
  useCommand("previous_turn", () => playback.seek(secondBefore(turns, listening.second)));
  useCommand("next_turn", () => playback.seek(secondBehind(turns, listening.second) ?? seconds));
  useCommand("slower", () => playback.faster(-1));
  useCommand("faster", () => playback.faster(1));
  useCommand("skip_silence", () => playback.setSkipping(!listening.skipping));
  const icon = listening.waiting ? <LoadingOutlined aria-hidden /> : listening.playing ? <PauseOutlined aria-hidden /> : <CaretRightOutlined aria-hidden />;
  return (
    <section className="player" aria-label={t("player.name")}>
      <Waveform playback={playback} peaks={peaks} marks={marks} />
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div className="player-row" onMouseDown={keepFocus}>
        <KeyButton command="back" icon={<BackwardOutlined aria-hidden />} onRun={() => playback.step(-STEP_SECONDS)}>
          <span className="for-readers">{t("player.back")}</span>
        </KeyButton>
        <KeyButton
          command="play"
          type="primary"
          icon={icon}
          onRun={() => playback.toggle()}
          className="player-play"
        >
          {listening.playing ? t("player.pause") : t("player.play")}
        </KeyButton>
        <KeyButton command="forward" icon={<ForwardOutlined aria-hidden />} onRun={() => playback.step(STEP_SECONDS)}>
          <span className="for-readers">{t("player.forward")}</span>
        </KeyButton>
        <span className="player-time">
          {span(listening.second)} / {span(seconds)}
        </span>
        <Select
          className="player-rate"
          aria-label={t("player.rate")}
          value={listening.rate}
          onChange={(rate) => playback.setRate(rate)}
          options={RATES.map((rate) => ({ value: rate, label: `${rate}×` }))}
        />
        <label className="player-labelled">
          <Switch size="small" checked={listening.skipping} onChange={(skipping) => playback.setSkipping(skipping)} />
          {t("player.skip")} <kbd className="keys">S</kbd>
        </label>
        <Segmented
          aria-label={t("player.heard")}
          value={listening.lanes}
          onChange={(lanes) => playback.setLanes(lanes, listening.balance)}
          options={LANES.map((lanes) => ({ value: lanes, label: t(`lanes.${lanes}`) }))}
        />
        <span className="player-balance">
          <span aria-hidden="true">{t("side.agent")}</span>
          <Slider
            min={-100}
            max={100}
            step={10}
            value={Math.round(listening.balance * 100)}
            disabled={listening.lanes === "agent" || listening.lanes === "patient"}
            onChange={(balance) => playback.setLanes(listening.lanes, balance / 100)}
            tooltip={{ formatter: null }}
            ariaLabelForHandle={t("player.balance")}
            ariaValueTextFormatterForHandle={(value) => t(value < 0 ? "player.more_agent" : value > 0 ? "player.more_patient" : "player.even", { percent: Math.abs(value) })}
          />
          <span aria-hidden="true">{t("side.patient")}</span>
        </span>
      </div>
      {listening.failed !== null && <ProblemNote problem={listening.failed} retry={() => playback.play()} />}
    </section>
  );
}
