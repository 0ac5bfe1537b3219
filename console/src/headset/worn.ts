// The one headset of this tab, and what of it is shown. The machine's choices (devices, nothing of a person) are kept on it.
import { create } from "zustand";
import { api, type Shape } from "@/api/client";
import { Problem } from "@/api/problem";
import { Headset, LinkRefused, type Fault, type HeadsetState } from "./headset";

interface Worn {
  state: HeadsetState;
  fault: Fault | null;
  told: string;
  muted: boolean;
  microphone: string;
  speaker: string;
  /** The microphone was pulled out and another one took its place. */
  replaced: boolean;
}

interface Kept {
  worn?: boolean;
  microphone?: string;
  speaker?: string;
}

const KEPT = "suifang.headset";
const MUTED = "suifang.muted"; // of this tab only: who reloads it muted is still muted

export const worn = create<Worn>(() => ({ state: "off", fault: null, told: "", muted: false, microphone: "", speaker: "", replaced: false }));

export const headset = new Headset({
  servers: async () => {
    const answer = await asked(api.GET("/api/v1/headset", { cache: "no-store" }));
    return {
      servers: answer.ice_servers.map((server) => (server.username ? server : { urls: server.urls })),
      relayOnly: answer.relay_only,
    };
  },
  connect: async (sdp) => (await asked(api.POST("/api/v1/headset/offers", { body: { sdp } }))).sdp,
});

headset.addEventListener("change", () => {
  const { state, fault, told, muted, microphone, speaker } = headset;
  worn.setState({ state, fault, told, muted, microphone, speaker });
  if (muted) sessionStorage.setItem(MUTED, "yes");
  else sessionStorage.removeItem(MUTED);
});
headset.addEventListener("microphone_changed", () => worn.setState({ replaced: true }));
Object.assign(window, { headset }); // for a browser's developer tools, and for tests

/** Whether this machine wore it when the page was left. */
export function wasWorn(): boolean {
  return kept().worn === true;
}

/** Put it on as this machine last had it. */
export async function putOn(): Promise<void> {
  const { microphone = "", speaker = "" } = kept();
  keep({ worn: true });
  headset.microphone = microphone;
  headset.mute(headset.muted || sessionStorage.getItem(MUTED) === "yes");
  await headset.putOn();
  if (speaker) await headset.chooseSpeaker(speaker).catch(() => keep({ speaker: "" })); // it is not plugged in today
}

/** Take it off: the server ends its line (it refuses in a call), then the link goes. */
export async function takeOff(purpose: Shape["LinkPurpose"]): Promise<void> {
  if (purpose === "supervision") await api.DELETE("/api/v1/supervision/headset");
  else await api.DELETE("/api/v1/agents/me/headset");
  keep({ worn: false });
  headset.takeOff();
}

/** Another tab wears it now: let the link go, the server's line waits for that tab. */
export function handOver(): void {
  headset.takeOff();
}

export async function chooseMicrophone(id: string): Promise<void> {
  keep({ microphone: id });
  worn.setState({ replaced: false });
  await headset.chooseMicrophone(id);
}

export async function chooseSpeaker(id: string): Promise<void> {
  keep({ speaker: id });
  await headset.chooseSpeaker(id);
}

async function asked<T>(request: Promise<{ data?: T }>): Promise<T> {
  try {
    return (await request).data as T;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    // A gateway that is away comes back, a log-in that ended too; an offer that was refused is refused again.
    const passing = problem.status === 0 || problem.status === 401 || problem.status === 409 || problem.status >= 500;
    throw new LinkRefused(problem.reason, !passing);
  }
}

function kept(): Kept {
  return JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Kept;
}

function keep(changes: Kept): void {
  localStorage.setItem(KEPT, JSON.stringify({ ...kept(), ...changes }));
}
