// The one WebSocket of a page: ids of what changed, resumed by the id seen last; when some were missed, everything is fetched anew.
import { create } from "zustand";
import { logInEnded } from "@/api/log_in_ended";

export interface LiveEvent {
  kind: string;
  id: string;
  ids: Record<string, string>;
}

export type LinkState = "connecting" | "live" | "lost";

interface Link {
  state: LinkState;
  /** By the browser's clock, when the server was heard last. */
  heardAt: number;
}

export const link = create<Link>(() => ({ state: "connecting", heardAt: 0 }));

type Follower = (event: LiveEvent) => void;

const followers = new Set<Follower>();
const snapshots = new Set<() => void>();

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const SILENT_MS = 40_000; // the server pings every 15 s
const NOT_LOGGED_IN = 4401;

let socket: WebSocket | null = null;
let after = "";
let pause = FIRST_PAUSE_MS;
let timer = 0;
let watch = 0;
let wanted = false;

/** Follow events; gives back how to stop. */
export function follow(follower: Follower): () => void {
  followers.add(follower);
  return () => followers.delete(follower);
}

/** Be told when events were missed, so that everything has to be looked at anew; gives back how to stop. */
export function whenMissed(look: () => void): () => void {
  snapshots.add(look);
  return () => snapshots.delete(look);
}

/** Connect, and stay connected until `disconnect`. */
export function connect(): void {
  if (wanted) return;
  wanted = true;
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurryIfSeen);
  open();
}

export function disconnect(): void {
  wanted = false;
  window.removeEventListener("online", hurry);
  document.removeEventListener("visibilitychange", hurryIfSeen);
  clearTimeout(timer);
  clearInterval(watch);
  socket?.close();
  socket = null;
  after = "";
}

function open(): void {
  if (!wanted) return;
  clearTimeout(timer);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(`${scheme}://${location.host}/api/v1/live${after ? `?after=${encodeURIComponent(after)}` : ""}`);
  socket = mine;
  mine.onmessage = (message) => {
    if (socket === mine) hear(JSON.parse(String(message.data)) as LiveEvent);
  };
  mine.onclose = (closed) => {
    if (socket !== mine) return;
    socket = null;
    clearInterval(watch);
    if (closed.code === NOT_LOGGED_IN) logInEnded.getState().end();
    lost();
  };
  clearInterval(watch);
  const opened = Date.now();
  watch = window.setInterval(() => {
    // After sleep the socket may be dead without knowing it.
    if (Date.now() - Math.max(opened, link.getState().heardAt) > SILENT_MS) mine.close();
  }, 5000);
}

function hear(event: LiveEvent): void {
  const fresh = event.kind === "missed" || (event.kind === "hello" && after === "" && link.getState().state === "lost");
  after = event.id;
  pause = FIRST_PAUSE_MS;
  link.setState({ state: "live", heardAt: Date.now() });
  if (fresh) snapshots.forEach((look) => look());
  if (event.kind === "hello" || event.kind === "missed" || event.kind === "ping") return;
  followers.forEach((follower) => follower(event));
}

function lost(): void {
  if (!wanted) return;
  link.setState({ state: "lost" });
  timer = window.setTimeout(open, pause * (0.8 + 0.4 * Math.random()));
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

function hurry(): void {
  if (link.getState().state !== "lost" || socket) return;
  open();
}

function hurryIfSeen(): void {
  if (document.visibilityState === "visible") hurry();
}
