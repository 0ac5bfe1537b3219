// Submitting a wrap-up: held back for five seconds in which Z takes it back, then done once, then its note is signed.
import { create } from "zustand";
import { api, type Shape } from "@/api/client";
import { Problem } from "@/api/problem";
import { lookAtCall } from "@/calls/call";
import { serverNow } from "@/live/server_clock";
import { draft, drop, keep, sentAll } from "./draft";
import type { Ask } from "./outcomes";

export const UNDO_MS = 5000;

interface Submission {
  attemptId: string | null;
  /** Until then it can be taken back; null while it is on its way. */
  until: number | null;
  ask: Ask | null;
  sign: boolean;
  problem: unknown;
  /** The answers could not be brought to the server. */
  offline: boolean;
}

const NONE: Submission = { attemptId: null, until: null, ask: null, sign: true, problem: null, offline: false };

export const submission = create<Submission>(() => NONE);

let timer = 0;

/** Submit, unless it is taken back within five seconds. */
export function submit(attemptId: string, ask: Ask, sign: boolean, done: (note: Shape["NoteAnswer"], signed: boolean) => void): void {
  clearTimeout(timer);
  submission.setState({ ...NONE, attemptId, ask, sign, until: serverNow() + UNDO_MS });
  timer = window.setTimeout(() => void sendNow(done), UNDO_MS);
}

/** Take it back: everything stands as it was typed. */
export function takeBack(): void {
  clearTimeout(timer);
  submission.setState(NONE);
}

/** Do not wait any longer. */
export async function sendNow(done: (note: Shape["NoteAnswer"], signed: boolean) => void): Promise<void> {
  clearTimeout(timer);
  const { attemptId, ask, sign, until } = submission.getState();
  if (attemptId === null || ask === null || until === null) return;
  submission.setState({ until: null });
  if (!(await sentAll())) {
    submission.setState({ ...NONE, offline: true });
    return;
  }
  try {
    const note = await wrappedUp(attemptId, ask);
    const signed = sign && (await isSigned(note.id));
    await drop(attemptId);
    submission.setState(NONE);
    done(note, signed);
    await lookAtCall();
  } catch (problem) {
    const again = problem instanceof Problem && (problem.code === "no_network" || problem.status >= 500);
    // Another body needs another key; what was lost on the way is sent again under its own.
    if (!again) keep({ wrapUpKey: crypto.randomUUID() });
    submission.setState({ ...NONE, problem });
  }
}

async function wrappedUp(attemptId: string, ask: Ask): Promise<Shape["NoteAnswer"]> {
  const { data } = await api.POST("/api/v1/attempts/{attempt_id}/wrap-up", {
    params: { path: { attempt_id: attemptId } },
    headers: { "Idempotency-Key": draft.getState().wrapUpKey },
    body: ask,
  });
  return data!;
}

/** A note that could not be signed waits in the tray. */
async function isSigned(noteId: string): Promise<boolean> {
  try {
    await api.POST("/api/v1/notes/{note_id}/sign", { params: { path: { note_id: noteId } } });
    return true;
  } catch {
    return false;
  }
}
