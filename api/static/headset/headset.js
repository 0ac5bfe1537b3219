// The agent's headset in the browser: one RTCPeerConnection to the gateway, kept up for the shift.
//
//   const headset = new Headset({connect, servers});
//   headset.addEventListener("change", () => …headset.state, headset.muted…);
//   await headset.putOn();   headset.mute(true);   headset.takeOff();
//
// `connect(sdp)` gives the gateway's answer to an offer (a promise of an SDP string; an error with `final: true` is not
// tried again, with `told: true` its message is for the agent), `servers()` a promise of ICE servers. Nothing here draws anything.

export const State = Object.freeze({
  OFF: "off",
  ASKING: "asking", // for the microphone
  CONNECTING: "connecting",
  ON: "on",
  LOST: "lost", // it comes back by itself
  REFUSED: "refused", // a person has to do something; `problem` says what
});

const CODECS = ["audio/PCMA", "audio/PCMU"]; // in the order in which lines in China speak them
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const CONNECT_MS = 15000;
const GATHER_MS = 3000;
const SILENT_MS = 3000; // without a packet from us being possible to send
const LOOK_MS = 1000;
const LOCK = "suifang.headset"; // one tab of a browser wears it: two would push each other out for ever
const LOCK_MS = 2000; // a page that is being reloaded lets go of it

export class Headset extends EventTarget {
  constructor({ connect, servers, relayOnly = false, jitterTargetMs = 20 }) {
    super();
    this.connect = connect;
    this.servers = servers;
    this.relayOnly = relayOnly;
    this.jitterTargetMs = jitterTargetMs;
    this.state = State.OFF;
    this.problem = "";
    this.muted = false;
    this.microphone = "";
    this.speaker = "";
    this.stream = null;
    this.remote = null;
    this.link = null;
    this.audio = new Audio();
    this.audio.autoplay = true;
    this.context = null;
    this.meters = { in: null, out: null };
    this.pause = FIRST_PAUSE_MS;
    this.timer = 0;
    this.wanted = false;
    this.watch = 0;
    this.release = () => {};
    this.onOnline = () => this.hurry();
  }

  // Begin the shift: ask for the microphone, then link; from then on it mends itself.
  async putOn() {
    if (this.wanted) return;
    this.wanted = true;
    if (!(await this.hold())) {
      this.refuse("worn_elsewhere");
      return;
    }
    window.addEventListener("online", this.onOnline);
    if (await this.openMicrophone()) await this.linkUp();
  }

  // End the shift.
  takeOff() {
    this.wanted = false;
    window.removeEventListener("online", this.onOnline);
    clearTimeout(this.timer);
    this.dropLink();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.meters.in = null;
    this.letGo();
    this.move(State.OFF);
  }

  // Local and at once: silence leaves the browser from the next packet on, whatever the network does.
  mute(on) {
    this.muted = on;
    this.stream?.getAudioTracks().forEach((track) => (track.enabled = !on));
    this.dispatchEvent(new Event("change"));
  }

  // Choose another microphone; the link stays up.
  async chooseMicrophone(id) {
    this.microphone = id;
    if (!this.wanted) return;
    const before = this.stream;
    if (!(await this.openMicrophone())) return;
    before?.getTracks().forEach((track) => track.stop());
    const sender = this.link?.getSenders()[0];
    if (sender) await sender.replaceTrack(this.stream.getAudioTracks()[0]);
  }

  // Choose another loudspeaker, where the browser can.
  async chooseSpeaker(id) {
    this.speaker = id;
    if (this.audio.setSinkId) await this.audio.setSinkId(id);
  }

  // The devices a person can choose from.
  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return {
      microphones: all.filter((device) => device.kind === "audioinput"),
      speakers: this.audio.setSinkId ? all.filter((device) => device.kind === "audiooutput") : [],
    };
  }

  // Loudness of what we say ("in") or hear ("out"), 0 to 1, for a level meter.
  level(which) {
    const meter = this.meters[which];
    if (!meter) return 0;
    meter.getFloatTimeDomainData(meter.samples);
    let sum = 0;
    for (const sample of meter.samples) sum += sample * sample;
    const decibels = 10 * Math.log10(sum / meter.samples.length + 1e-10);
    return Math.min(1, Math.max(0, (decibels + 60) / 60));
  }

  hold() {
    return new Promise((resolve) => {
      const held = () => {
        resolve(true);
        return new Promise((release) => (this.release = release));
      };
      navigator.locks.request(LOCK, { signal: AbortSignal.timeout(LOCK_MS) }, held).catch(() => resolve(false));
    });
  }

  letGo() {
    this.release();
    this.release = () => {};
  }

  async openMicrophone() {
    this.move(State.ASKING);
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          deviceId: this.microphone ? { exact: this.microphone } : undefined,
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
        },
      });
    } catch (error) {
      this.refuse(error.name === "NotAllowedError" ? "microphone_not_allowed" : "microphone_missing");
      return false;
    }
    const [track] = this.stream.getAudioTracks();
    track.enabled = !this.muted;
    track.addEventListener("ended", () => {
      if (this.wanted && this.stream?.getAudioTracks()[0] === track) this.openAgain();
    });
    this.meters.in = this.meter(this.stream);
    return true;
  }

  // The microphone was pulled out: take the one the machine has now.
  async openAgain() {
    this.microphone = "";
    if (!(await this.openMicrophone())) return;
    const sender = this.link?.getSenders()[0];
    if (sender) await sender.replaceTrack(this.stream.getAudioTracks()[0]);
    if (this.link?.connectionState === "connected") this.move(State.ON);
  }

  async linkUp() {
    if (!this.wanted) return;
    this.dropLink();
    if (this.state !== State.LOST) this.move(State.CONNECTING);
    let link = null;
    try {
      link = new RTCPeerConnection({
        iceServers: await this.servers(),
        iceTransportPolicy: this.relayOnly ? "relay" : "all",
        bundlePolicy: "max-bundle",
      });
      this.link = link;
      link.addEventListener("connectionstatechange", () => this.look(link));
      link.addEventListener("track", (event) => this.hear(event));
      const transceiver = link.addTransceiver(this.stream.getAudioTracks()[0], { direction: "sendrecv", streams: [this.stream] });
      preferG711(transceiver);
      await link.setLocalDescription();
      await gathered(link);
      const sdp = await this.connect(link.localDescription.sdp);
      if (this.link !== link) return;
      await link.setRemoteDescription({ type: "answer", sdp });
      this.timer = setTimeout(() => this.lost(link), CONNECT_MS);
    } catch (error) {
      if (this.link !== link && link !== null) return;
      if (error.told) this.problem = error.message;
      if (error.final) this.refuse(error.message);
      else this.lost(link);
    }
  }

  look(link) {
    if (link !== this.link) return;
    if (link.connectionState === "connected") {
      clearTimeout(this.timer);
      this.pause = FIRST_PAUSE_MS;
      this.problem = "";
      this.move(State.ON);
      this.watchFlow(link);
    } else if (["failed", "closed"].includes(link.connectionState)) {
      this.lost(link);
    }
  }

  // A browser notices a dead network late; answers to its own checks stop at once.
  watchFlow(link) {
    clearInterval(this.watch);
    let answered = -1;
    let since = performance.now();
    this.watch = setInterval(async () => {
      if (link !== this.link) return;
      for (const report of (await link.getStats()).values()) {
        if (report.type !== "candidate-pair" || !report.nominated) continue;
        if (report.responsesReceived !== answered) {
          answered = report.responsesReceived;
          since = performance.now();
        }
      }
      if (link === this.link && performance.now() - since > SILENT_MS + 3000) this.lost(link);
    }, LOOK_MS);
  }

  lost(link) {
    if (link !== this.link || !this.wanted) return;
    this.dropLink();
    this.move(State.LOST);
    this.timer = setTimeout(() => this.linkUp(), this.pause * (0.8 + 0.4 * Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  // The network is back: do not wait for the pause to end.
  hurry() {
    if (this.state !== State.LOST) return;
    clearTimeout(this.timer);
    this.linkUp();
  }

  dropLink() {
    clearTimeout(this.timer);
    clearInterval(this.watch);
    const link = this.link;
    this.link = null;
    this.meters.out = null;
    link?.close();
  }

  hear(event) {
    this.remote = new MediaStream([event.track]);
    if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = this.jitterTargetMs;
    this.audio.srcObject = this.remote;
    this.audio.play().catch(() => {}); // a page that nobody has touched may not play yet; the next click lets it
    this.meters.out = this.meter(this.remote);
  }

  meter(stream) {
    this.context ??= new AudioContext();
    this.context.resume();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1024;
    analyser.samples = new Float32Array(analyser.fftSize);
    this.context.createMediaStreamSource(stream).connect(analyser);
    return analyser;
  }

  refuse(problem) {
    this.wanted = false;
    this.dropLink();
    this.letGo();
    this.problem = problem;
    this.move(State.REFUSED);
  }

  move(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

function preferG711(transceiver) {
  const known = RTCRtpReceiver.getCapabilities("audio").codecs;
  const wanted = CODECS.flatMap((type) => known.filter((codec) => codec.mimeType.toLowerCase() === type.toLowerCase()));
  const keys = known.filter((codec) => codec.mimeType === "audio/telephone-event" && codec.clockRate === 8000);
  transceiver.setCodecPreferences([...wanted, ...keys]);
  // The sound's level in every packet costs bandwidth and tells a listener on the wire who speaks when.
  if (transceiver.setHeaderExtensionsToNegotiate) {
    const extensions = transceiver.getHeaderExtensionsToNegotiate();
    transceiver.setHeaderExtensionsToNegotiate(
      extensions.map((extension) => (extension.uri.endsWith("sdes:mid") ? extension : { ...extension, direction: "stopped" })),
    );
  }
}

function gathered(link) {
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
