// What was typed for the attempt in hand: answers on their way to the server, the note's words, the wrap-up as far as it stands.
// Kept on this computer under the attempt's id until the wrap-up is done, so that no reload and no lost network takes it away.
import { createStore, del, get, keys, set, type UseStore } from "idb-keyval";
import { create } from "zustand";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";
import { follow } from "@/live/connection";
import { serverNow } from "@/live/server_clock";
import type { Value } from "./form_rules";
import type { Choice } from "./outcomes";

type OfTask = Record<string, Value | null>; // null takes an answer back

interface Kept {
  /** Not at the server yet, by task and question. */
  unsaved: Record<string, OfTask>;
  note: string;
  choice: Choice | null;
  spokeWith: string;
  callBackAt: string | null;
  extraSeconds: number;
  /** The key of the wrap-up's request: sent again it is done once. */
  wrapUpKey: string;
}

interface Draft extends Kept {
  attemptId: string | null;
  /** What the server has taken since this page knows the attempt. */
  saved: Record<string, OfTask>;
  /** Why the server did not take an answer, by question. */
  refused: Record<string, string>;
  savedAt: number | null;
  failing: boolean;
}

const EMPTY: Kept = { unsaved: {}, note: "", choice: null, spokeWith: "", callBackAt: null, extraSeconds: 0, wrapUpKey: "" };
const AGAIN_MS = 5000;

export const draft = create<Draft>(() => ({ ...EMPTY, attemptId: null, saved: {}, refused: {}, savedAt: null, failing: false }));

let opened: UseStore | null = null;
const shelf = () => (opened ??= createStore("suifang-drafts", "drafts"));

/** Take up the draft of this attempt; nothing is lost of the one before, it lies under its own id. */
export async function takeUp(attemptId: string): Promise<void> {
  if (draft.getState().attemptId === attemptId) return;
  draft.setState({ ...EMPTY, wrapUpKey: crypto.randomUUID(), attemptId, saved: {}, refused: {}, savedAt: null, failing: false });
  const kept = await get<Kept>(attemptId, shelf()).catch(() => undefined);
  if (!kept || draft.getState().attemptId !== attemptId) return;
  draft.setState((now) => ({ ...kept, unsaved: merged(kept.unsaved, now.unsaved), note: now.note || kept.note }));
  void send();
}

/** Change what is kept of the wrap-up. */
export function keep(change: Partial<Omit<Kept, "unsaved">>): void {
  draft.setState(change);
  void store();
}

/** One answer, at once; null takes it back. */
export function give(taskId: string, linkId: string, value: Value | null): void {
  draft.setState((now) => {
    const refused = { ...now.refused };
    delete refused[linkId];
    return { refused, unsaved: { ...now.unsaved, [taskId]: { ...now.unsaved[taskId], [linkId]: value } } };
  });
  // Kept first: whoever is told that it was not sent can rely on its being here.
  void store().then(send);
}

/** The wrap-up is done: nothing of it stays on this computer. */
export async function drop(attemptId: string): Promise<void> {
  if (draft.getState().attemptId === attemptId) {
    draft.setState({ ...EMPTY, attemptId: null, saved: {}, refused: {}, savedAt: null, failing: false });
  }
  await del(attemptId, shelf()).catch(() => undefined);
}

/** Nothing of any patient stays on this computer; when somebody logs out. */
export async function dropAll(): Promise<void> {
  const all = await keys<string>(shelf()).catch(() => []);
  await Promise.all(all.map((key) => drop(key)));
}

/** True once every answer is with the server. */
export async function sentAll(): Promise<boolean> {
  await send();
  return Object.values(draft.getState().unsaved).every((task) => Object.keys(task).length === 0);
}

function merged(one: Record<string, OfTask>, other: Record<string, OfTask>): Record<string, OfTask> {
  const all = { ...one };
  for (const [taskId, answers] of Object.entries(other)) all[taskId] = { ...all[taskId], ...answers };
  return all;
}

async function store(): Promise<void> {
  const { attemptId, unsaved, note, choice, spokeWith, callBackAt, extraSeconds, wrapUpKey } = draft.getState();
  if (attemptId === null) return;
  // A full or forbidden store does not stop the call: the answers go to the server all the same.
  await set(attemptId, { unsaved, note, choice, spokeWith, callBackAt, extraSeconds, wrapUpKey } satisfies Kept, shelf()).catch(() => undefined);
}

let sending: Promise<void> | null = null;
let timer = 0;

function send(): Promise<void> {
  sending ??= sendAll().finally(() => (sending = null));
  return sending;
}

/** One after the other, in the order they were given: an answer may open the next question. */
async function sendAll(): Promise<void> {
  clearTimeout(timer);
  for (;;) {
    const { attemptId, unsaved } = draft.getState();
    const [taskId, answers] = Object.entries(unsaved).find(([, task]) => Object.keys(task).length > 0) ?? [];
    if (attemptId === null || taskId === undefined || answers === undefined) return;
    const [linkId, value] = Object.entries(answers)[0]!;
    try {
      await api.PUT("/api/v1/attempts/{attempt_id}/answers/{item}", {
        params: { path: { attempt_id: attemptId, item: linkId }, query: { task_id: taskId } },
        body: { value },
      });
      taken(attemptId, taskId, linkId, value);
    } catch (thrown) {
      const lost = !(thrown instanceof Problem) || thrown.code === "no_network" || thrown.status >= 500 || thrown.status === 401;
      if (lost) {
        draft.setState({ failing: true });
        timer = window.setTimeout(() => void send(), AGAIN_MS);
        return;
      }
      refuse(attemptId, taskId, linkId, value, thrown.reason);
    }
  }
}

function taken(attemptId: string, taskId: string, linkId: string, value: Value | null): void {
  draft.setState((now) => {
    if (now.attemptId !== attemptId) return now;
    return {
      unsaved: without(now.unsaved, taskId, linkId, value),
      saved: { ...now.saved, [taskId]: { ...now.saved[taskId], [linkId]: value } },
      savedAt: serverNow(),
      failing: false,
    };
  });
  void store();
}

function refuse(attemptId: string, taskId: string, linkId: string, value: Value | null, reason: string): void {
  draft.setState((now) => {
    if (now.attemptId !== attemptId) return now;
    return { unsaved: without(now.unsaved, taskId, linkId, value), refused: { ...now.refused, [linkId]: reason } };
  });
  void store();
}

/** Without this answer, unless it was changed while it was on its way. */
function without(unsaved: Record<string, OfTask>, taskId: string, linkId: string, value: Value | null): Record<string, OfTask> {
  const task = { ...unsaved[taskId] };
  if (task[linkId] === value) delete task[linkId];
  return { ...unsaved, [taskId]: task };
}

window.addEventListener("online", () => void send());
follow(() => {
  if (draft.getState().failing) void send();
});
