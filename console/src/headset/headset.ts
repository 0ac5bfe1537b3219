// The agent's headset in the browser: one RTCPeerConnection to the gateway, kept up for the shift. It mends itself and draws nothing.

export type HeadsetState =
  | "off"
  | "asking" // for the microphone
  | "connecting"
  | "on"
  | "lost" // it comes back by itself
  | "refused"; // a person has to do something; `problem` says what

export type Fault = "microphone_not_allowed" | "microphone_missing" | "worn_elsewhere" | "insecure" | "offer_refused";

/** Why the gateway's answer did not come: `final` is not tried again, `told` is the server's own sentence. */
export class LinkRefused extends Error {
  constructor(
    readonly told: string,
    readonly final: boolean,
  ) {
    super(told);
  }
}

interface Gateway {
  /** The gateway's SDP answer to an offer. */
  connect: (sdp: string) => Promise<string>;
  /** What the browser should reach it by. */
  servers: () => Promise<{ servers: RTCIceServer[]; relayOnly: boolean }>;
}

const CODECS = ["audio/PCMA", "audio/PCMU"]; // in the order in which lines in China speak them
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const CONNECT_MS = 15_000;
const GATHER_MS = 3000;
const DEAD_MS = 6000; // without an answer to the browser's own checks
const LOOK_MS = 1000;
const JITTER_TARGET_MS = 20;
const LOCK = "suifang.headset"; // one tab of a browser wears it: two would push each other out for ever
const LOCK_MS = 2000; // a page that is being reloaded lets go of it

export class Headset extends EventTarget {
  state: HeadsetState = "off";
  fault: Fault | null = null;
  /** The server's own words about the last failure. */
  told = "";
  muted = false;
  microphone = "";
  speaker = "";
  /** Of the last second on the way to the gateway and back: lost packets as a share, and the way's time. */
  quality: { lost: number; roundTripMs: number } | null = null;
  context: AudioContext | null = null;
  /** What the levels are read from. */
  readonly meters: { in: AnalyserNode | null; out: AnalyserNode | null } = { in: null, out: null };
  private readonly samples = new Float32Array(1024);
  private stream: MediaStream | null = null;
  private link: RTCPeerConnection | null = null;
  private readonly audio = new Audio();
  private pause = FIRST_PAUSE_MS;
  private timer = 0;
  private watch = 0;
  private wanted = false;
  private release = () => {};
  private readonly onOnline = () => this.hurry();

  constructor(private readonly gateway: Gateway) {
    super();
    this.audio.autoplay = true;
  }

  /** Begin the shift: ask for the microphone, then link; from then on it mends itself. */
  async putOn(): Promise<void> {
    if (this.wanted) return;
    this.wanted = true;
    if (!navigator.mediaDevices) return this.refuse("insecure");
    if (!(await this.hold())) return this.refuse("worn_elsewhere");
    window.addEventListener("online", this.onOnline);
    if (await this.openMicrophone()) await this.linkUp();
  }

  /** End the shift. */
  takeOff(): void {
    this.wanted = false;
    window.removeEventListener("online", this.onOnline);
    this.dropLink();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.meters.in = null;
    this.letGo();
    this.move("off");
  }

  /** Local and at once: silence leaves the browser from the next packet on, whatever the network does. */
  mute(on: boolean): void {
    this.muted = on;
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = !on));
    this.changed();
  }

  /** Choose another microphone; the link stays up. */
  async chooseMicrophone(id: string): Promise<void> {
    this.microphone = id;
    if (!this.wanted) return;
    const before = this.stream;
    if (!(await this.openMicrophone())) return;
    before?.getTracks().forEach((track) => track.stop());
    await this.speakInto();
  }

  /** Choose another loudspeaker, where the browser can. */
  async chooseSpeaker(id: string): Promise<void> {
    this.speaker = id;
    if ("setSinkId" in this.audio) await this.audio.setSinkId(id);
    this.changed();
  }

  /** The devices a person can choose from. */
  async devices(): Promise<{ microphones: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] }> {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return {
      microphones: all.filter((device) => device.kind === "audioinput"),
      speakers: "setSinkId" in this.audio ? all.filter((device) => device.kind === "audiooutput") : [],
    };
  }

  /** Loudness of what we say ("in") or hear ("out"), 0 to 1, for a level meter. A muted microphone gives nothing. */
  level(which: "in" | "out"): number {
    const meter = this.meters[which];
    if (!meter) return 0;
    meter.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / this.samples.length + 1e-10);
    return Math.min(1, Math.max(0, (decibels + 60) / 60));
  }

  /** A tone in the chosen loudspeaker: "do you hear it?", or a caller who waits. */
  async tone(hertz: number, seconds: number): Promise<void> {
    this.context ??= new AudioContext();
    await this.context.resume();
    const out = this.context.createMediaStreamDestination();
    const tone = new OscillatorNode(this.context, { frequency: hertz });
    tone.connect(new GainNode(this.context, { gain: 0.2 })).connect(out);
    const player = new Audio();
    player.srcObject = out.stream;
    if (this.speaker && "setSinkId" in player) await player.setSinkId(this.speaker);
    await player.play();
    tone.start();
    tone.stop(this.context.currentTime + seconds);
  }

  private hold(): Promise<boolean> {
    return new Promise((resolve) => {
      const held = () => {
        resolve(true);
        return new Promise<void>((release) => (this.release = release));
      };
      navigator.locks.request(LOCK, { signal: AbortSignal.timeout(LOCK_MS) }, held).catch(() => resolve(false));
    });
  }

  private letGo(): void {
    this.release();
    this.release = () => {};
  }

  private async openMicrophone(): Promise<boolean> {
    if (this.state !== "on") this.move("asking");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          ...(this.microphone ? { deviceId: { exact: this.microphone } } : {}),
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
        },
      });
    } catch (error) {
      const denied = error instanceof DOMException && error.name === "NotAllowedError";
      if (!denied && this.microphone) {
        // The one chosen last is not plugged in today.
        this.microphone = "";
        return this.openMicrophone();
      }
      this.refuse(denied ? "microphone_not_allowed" : "microphone_missing");
      return false;
    }
    const track = this.stream.getAudioTracks()[0]!;
    track.enabled = !this.muted;
    track.addEventListener("ended", () => {
      if (this.wanted && this.stream?.getAudioTracks()[0] === track) void this.openAgain();
    });
    this.meters.in = this.listen(this.stream);
    return true;
  }

  // The microphone was pulled out: take the one the machine has now.
  private async openAgain(): Promise<void> {
    this.microphone = "";
    this.dispatchEvent(new Event("microphone_changed"));
    if (!(await this.openMicrophone())) return;
    await this.speakInto();
  }

  private async speakInto(): Promise<void> {
    await this.link?.getSenders()[0]?.replaceTrack(this.stream?.getAudioTracks()[0] ?? null);
    if (this.link?.connectionState === "connected") this.move("on");
    this.changed();
  }

  private async linkUp(): Promise<void> {
    if (!this.wanted || !this.stream) return;
    this.dropLink();
    if (this.state !== "lost") this.move("connecting");
    let link: RTCPeerConnection | null = null;
    try {
      const { servers, relayOnly } = await this.gateway.servers();
      link = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" });
      const mine = link;
      this.link = mine;
      mine.addEventListener("connectionstatechange", () => this.look(mine));
      mine.addEventListener("track", (event) => this.hear(event));
      preferG711(mine.addTransceiver(this.stream.getAudioTracks()[0]!, { direction: "sendrecv", streams: [this.stream] }));
      await mine.setLocalDescription();
      await gathered(mine);
      const sdp = await this.gateway.connect(mine.localDescription!.sdp);
      if (this.link !== mine) return;
      await mine.setRemoteDescription({ type: "answer", sdp });
      this.timer = window.setTimeout(() => this.lost(mine), CONNECT_MS);
    } catch (error) {
      if (this.link !== link && link !== null) return;
      const refusal = error instanceof LinkRefused ? error : null;
      this.told = refusal?.told ?? "";
      if (refusal?.final) this.refuse("offer_refused");
      else this.lost(link);
    }
  }

  private look(link: RTCPeerConnection): void {
    if (link !== this.link) return;
    if (link.connectionState === "connected") {
      clearTimeout(this.timer);
      this.pause = FIRST_PAUSE_MS;
      this.fault = null;
      this.told = "";
      this.move("on");
      this.watchFlow(link);
    } else if (["failed", "closed"].includes(link.connectionState)) {
      this.lost(link);
    }
  }

  // A browser notices a dead network late; answers to its own checks stop at once.
  private watchFlow(link: RTCPeerConnection): void {
    clearInterval(this.watch);
    let answered = -1;
    let since = performance.now();
    let before = { lost: 0, received: 0 };
    this.watch = window.setInterval(async () => {
      if (link !== this.link) return;
      let roundTripMs = 0;
      let now = before;
      for (const report of (await link.getStats()).values()) {
        if (report.type === "inbound-rtp") now = { lost: report.packetsLost ?? 0, received: report.packetsReceived ?? 0 };
        if (report.type !== "candidate-pair" || !report.nominated) continue;
        roundTripMs = (report.currentRoundTripTime ?? 0) * 1000;
        if (report.responsesReceived === answered) continue;
        answered = report.responsesReceived;
        since = performance.now();
      }
      if (link !== this.link) return;
      const [lost, received] = [now.lost - before.lost, now.received - before.received];
      before = now;
      this.quality = { lost: lost > 0 ? lost / (lost + received) : 0, roundTripMs };
      if (performance.now() - since > DEAD_MS) this.lost(link);
    }, LOOK_MS);
  }

  private lost(link: RTCPeerConnection | null): void {
    if (link !== this.link || !this.wanted) return;
    this.dropLink();
    this.move("lost");
    this.timer = window.setTimeout(() => void this.linkUp(), this.pause * (0.8 + 0.4 * Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  /** The network is back, or the machine awake: do not wait for the pause to end. */
  hurry(): void {
    if (this.state !== "lost") return;
    clearTimeout(this.timer);
    void this.linkUp();
  }

  private dropLink(): void {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    const link = this.link;
    this.link = null;
    this.meters.out = null;
    this.quality = null;
    link?.close();
  }

  private hear(event: RTCTrackEvent): void {
    const remote = new MediaStream([event.track]);
    if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = JITTER_TARGET_MS;
    this.audio.srcObject = remote;
    // A page that nobody has touched may not play yet: the next click lets it.
    this.audio.play().catch(() => document.addEventListener("click", () => void this.audio.play(), { once: true }));
    this.meters.out = this.listen(remote);
  }

  private listen(stream: MediaStream): AnalyserNode {
    this.context ??= new AudioContext();
    void this.context.resume();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = this.samples.length;
    this.context.createMediaStreamSource(stream).connect(analyser);
    return analyser;
  }

  private refuse(fault: Fault): void {
    this.wanted = false;
    this.dropLink();
    this.letGo();
    this.fault = fault;
    this.move("refused");
  }

  private move(state: HeadsetState): void {
    this.state = state;
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function preferG711(transceiver: RTCRtpTransceiver): void {
  const known = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
  const wanted = CODECS.flatMap((type) => known.filter((codec) => codec.mimeType.toLowerCase() === type.toLowerCase()));
  const keys = known.filter((codec) => codec.mimeType === "audio/telephone-event" && codec.clockRate === 8000);
  transceiver.setCodecPreferences([...wanted, ...keys]);
  // The sound's level in every packet costs bandwidth and tells a listener on the wire who speaks when.
  const negotiating = transceiver as RTCRtpTransceiver & {
    getHeaderExtensionsToNegotiate?: () => { uri: string; direction: string }[];
    setHeaderExtensionsToNegotiate?: (extensions: { uri: string; direction: string }[]) => void;
  };
  const extensions = negotiating.getHeaderExtensionsToNegotiate?.();
  if (!extensions) return;
  negotiating.setHeaderExtensionsToNegotiate?.(
    extensions.map((extension) => (extension.uri.endsWith("sdes:mid") ? extension : { ...extension, direction: "stopped" })),
  );
}

function gathered(link: RTCPeerConnection): Promise<void> {
  if (link.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, GATHER_MS); // a STUN server that is silent must not keep the headset off
    link.addEventListener("icegatheringstatechange", () => {
      if (link.iceGatheringState !== "complete") return;
      clearTimeout(limit);
      resolve();
    });
  });
}
