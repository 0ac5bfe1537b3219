// The sound of one recording while somebody listens: one audio element, each side as loud as wanted, silences left out.
import { useEffect, useState } from "react";
import { createStore, useStore } from "zustand";
import { Problem } from "@/api/problem";
import { loudness, type Lanes } from "./lanes";
import { pastSilence, type Stretch } from "./silence";

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3] as const;
export const STEP_SECONDS = 5;

export interface Listening {
  playing: boolean;
  /** The sound was asked for and has not come yet. */
  waiting: boolean;
  second: number;
  seconds: number;
  rate: number;
  skipping: boolean;
  lanes: Lanes;
  balance: number;
  /** Why it cannot be heard. */
  failed: unknown;
}

const LOOKED_AT_MS = 100;

// One for the page: a browser has few of them. It is made by the first click that plays something.
let context: AudioContext | null = null;

export class Playback {
  readonly audio = new Audio();
  readonly state = createStore<Listening>(() => ({
    playing: false,
    waiting: false,
    second: 0,
    seconds: 0,
    rate: 1,
    skipping: false,
    lanes: "together",
    balance: 0,
    failed: null,
  }));
  private gains: Record<keyof ReturnType<typeof loudness>, GainNode> | null = null;
  private silences: readonly Stretch[] = [];
  private watch = 0;

  constructor(private readonly address: string) {
    // Sound comes when it is played: who only reads leaves no line in the log that says he listened.
    this.audio.preload = "none";
    this.audio.preservesPitch = true;
    const told: Record<string, () => void> = {
      play: () => this.begun(),
      pause: () => this.ended(),
      waiting: () => this.state.setState({ waiting: true }),
      playing: () => this.state.setState({ waiting: false, failed: null }),
      seeked: () => this.state.setState({ second: this.audio.currentTime }),
      error: () => void this.explain(),
      loadedmetadata: () => {
        // A FLAC that was cut short tells no length.
        if (Number.isFinite(this.audio.duration)) this.know(this.audio.duration);
      },
    };
    for (const [event, run] of Object.entries(told)) this.audio.addEventListener(event, run);
  }

  open(): void {
    this.audio.src = this.address;
  }

  close(): void {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  know(seconds: number): void {
    this.state.setState({ seconds });
  }

  silent(silences: readonly Stretch[]): void {
    this.silences = silences;
  }

  play(): void {
    this.mix();
    this.state.setState({ failed: null, waiting: this.audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA });
    // An interrupted start is told by the pause, a failed one by the element's own error.
    this.audio.play().catch(() => this.state.setState({ waiting: false }));
  }

  toggle(): void {
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  seek(second: number): void {
    const { seconds } = this.state.getState();
    const wanted = Math.min(Math.max(0, second), seconds ? Math.max(0, seconds - 0.05) : second);
    this.audio.currentTime = wanted;
    this.state.setState({ second: wanted });
  }

  playFrom(second: number): void {
    this.seek(second);
    this.play();
  }

  step(seconds: number): void {
    this.seek(this.state.getState().second + seconds);
  }

  setRate(rate: number): void {
    this.audio.defaultPlaybackRate = rate;
    this.audio.playbackRate = rate;
    this.state.setState({ rate });
  }

  faster(steps: number): void {
    const at = RATES.indexOf(this.state.getState().rate as (typeof RATES)[number]);
    this.setRate(RATES[Math.min(Math.max(0, at + steps), RATES.length - 1)]!);
  }

  setSkipping(skipping: boolean): void {
    this.state.setState({ skipping });
  }

  setLanes(lanes: Lanes, balance: number): void {
    this.state.setState({ lanes, balance });
    this.weigh();
  }

  private begun(): void {
    this.state.setState({ playing: true });
    clearInterval(this.watch);
    this.watch = window.setInterval(() => this.look(), LOOKED_AT_MS);
  }

  private ended(): void {
    clearInterval(this.watch);
    this.state.setState({ playing: false, waiting: false, second: this.audio.currentTime });
  }

  private look(): void {
    const second = this.audio.currentTime;
    const on = this.state.getState().skipping && !this.audio.seeking ? pastSilence(this.silences, second) : null;
    if (on !== null) this.audio.currentTime = on;
    this.state.setState({ second: on ?? second });
  }

  /** Each side through gains of its own into both ears; made by the first play, since a page may not begin one unasked. */
  private mix(): void {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    if (this.gains) return;
    const source = context.createMediaElementSource(this.audio);
    const sides = context.createChannelSplitter(2);
    const ears = context.createChannelMerger(2);
    source.connect(sides);
    const gain = (side: number, ear: number) => {
      const made = context!.createGain();
      sides.connect(made, side);
      made.connect(ears, 0, ear);
      return made;
    };
    this.gains = { agentLeft: gain(0, 0), agentRight: gain(0, 1), patientLeft: gain(1, 0), patientRight: gain(1, 1) };
    ears.connect(context.destination);
    this.weigh();
  }

  private weigh(): void {
    const { lanes, balance } = this.state.getState();
    for (const [name, value] of Object.entries(loudness(lanes, balance))) {
      if (this.gains) this.gains[name as keyof ReturnType<typeof loudness>].gain.value = value;
    }
  }

  /** The element says only that it failed; the server says why. */
  private async explain(): Promise<void> {
    if (!this.audio.hasAttribute("src")) return;
    this.state.setState({ waiting: false, playing: false });
    try {
      const answer = await fetch(this.address, { headers: { Range: "bytes=0-0" } });
      this.state.setState({ failed: answer.ok ? new Error("audio") : await Problem.of(answer) });
    } catch {
      this.state.setState({ failed: Problem.noNetwork() });
    }
  }
}

/** The sound at an address, for as long as the component is there. */
export function usePlayback(address: string): Playback {
  const [playback] = useState(() => new Playback(address));
  useEffect(() => {
    playback.open();
    return () => playback.close();
  }, [playback]);
  return playback;
}

export function useListening<T>(playback: Playback, chosen: (listening: Listening) => T): T {
  return useStore(playback.state, chosen);
}
