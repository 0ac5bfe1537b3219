// The waveform of a call, the agent's side above the patient's: where one is, where one clicks, what is marked in it.
import { useEffect, useRef, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import WaveSurfer from "wavesurfer.js";
import type { Shape } from "@/api/client";
import { span } from "@/shown/instants";
import { STEP_SECONDS, useListening, type Playback } from "./playback";
import "./words";

export interface Mark {
  second: number;
  kind: "alert" | "comment" | "hit" | "evidence";
  words: string;
}

interface Props {
  playback: Playback;
  /** Without it a flat bar is shown, which seeks as well. */
  peaks: Shape["PeaksAnswer"] | null;
  marks: readonly Mark[];
}

const LANE_PIXELS = 44;
const LANES = ["agent", "patient"] as const;
const COLORS = { agent: "#0958d9", patient: "#237804" };
const nonce = document.querySelector<HTMLMetaElement>("meta[name=nonce]")?.content ?? "";

export function Waveform({ playback, peaks, marks }: Props) {
  const { t } = useTranslation("recordings");
  const drawn = useRef<HTMLDivElement>(null);
  const second = useListening(playback, (listening) => listening.second);
  const seconds = useListening(playback, (listening) => listening.seconds);

  useEffect(() => {
    if (!peaks || !drawn.current || !peaks.agent.length) return;
    const waves = WaveSurfer.create({
      container: drawn.current,
      cspNonce: nonce,
      height: LANE_PIXELS,
      interact: false,
      cursorWidth: 0,
      peaks: LANES.map((lane) => peaks[lane].map((loud) => loud / 100)),
      duration: peaks.agent.length / peaks.per_second,
      splitChannels: LANES.map((lane) => ({ waveColor: COLORS[lane], progressColor: COLORS[lane], height: LANE_PIXELS, normalize: true })),
    });
    return () => waves.destroy();
  }, [peaks]);

  const place = (at: number) => `${seconds ? Math.min(100, (100 * at) / seconds) : 0}%`;
  const seek = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    playback.seek(((event.clientX - box.left) / box.width) * seconds);
  };
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const to: Record<string, number> = {
      ArrowLeft: second - STEP_SECONDS,
      ArrowDown: second - STEP_SECONDS,
      ArrowRight: second + STEP_SECONDS,
      ArrowUp: second + STEP_SECONDS,
      PageUp: second + 12 * STEP_SECONDS,
      PageDown: second - 12 * STEP_SECONDS,
      Home: 0,
      End: seconds,
    };
    const wanted = event.shiftKey || event.altKey || event.ctrlKey ? undefined : to[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    playback.seek(wanted);
  };
  return (
    <div className="waveform">
      <div className="waveform-names" aria-hidden="true">
        {LANES.map((lane) => (
          <span key={lane}>{t(`side.${lane}`)}</span>
        ))}
      </div>
      <div
        className="waveform-lanes"
        role="slider"
        tabIndex={0}
        aria-label={t("player.position")}
        aria-valuemin={0}
        aria-valuemax={Math.floor(seconds)}
        aria-valuenow={Math.floor(second)}
        aria-valuetext={t("player.position_of", { at: span(second), of: span(seconds) })}
        onKeyDown={move}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && seek(event)}
      >
        {peaks?.agent.length ? <div ref={drawn} aria-hidden="true" /> : <div className="waveform-flat" />}
        <span className="waveform-played" style={{ width: place(second) }} />
        {marks.map((mark, at) => (
          <span key={at} className={`waveform-mark waveform-mark-${mark.kind}`} style={{ left: place(mark.second) }} title={mark.words} />
        ))}
      </div>
    </div>
  );
}
