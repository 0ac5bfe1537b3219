// One tab of a browser leads: it wears the headset, beats for the desk and takes commands. The others show, and can take over.
import { create } from "zustand";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";

const LOCK = "suifang.console";
const RELOAD_MS = 1500; // a page that is being reloaded lets go of it

interface Leading {
  leads: boolean;
  /** Another tab leads; false while it is not known yet. */
  follows: boolean;
}

export const leading = create<Leading>(() => ({ leads: false, follows: false }));

let stealing = () => {};

/** Lead as soon as no other tab does; gives back how to stop. */
export function lead(): () => void {
  let over = false;
  let waiting = new AbortController();
  let letGo = () => {};
  const held = () =>
    new Promise<void>((release) => {
      if (over) release();
      else leading.setState({ leads: true, follows: false });
      letGo = release;
    });
  const wait = () => {
    waiting = new AbortController();
    ask({ signal: waiting.signal });
  };
  const ask = (options: LockOptions) => {
    navigator.locks.request(LOCK, options, held).catch(() => {
      if (over || (options.signal?.aborted ?? false)) return;
      // Another tab took over: it leads, and this one waits for its turn again.
      leading.setState({ leads: false, follows: true });
      wait();
    });
  };
  stealing = () => {
    waiting.abort();
    ask({ steal: true });
  };
  wait();
  const known = setTimeout(() => leading.setState(({ leads }) => ({ follows: !leads })), RELOAD_MS);
  return () => {
    over = true;
    clearTimeout(known);
    waiting.abort();
    letGo();
    leading.setState({ leads: false, follows: false });
  };
}

/** Lead from this tab on; the one that led becomes read-only. */
export function takeOver(): void {
  stealing();
}

/** Whether this tab may do anything but show. */
export function mayAct(): boolean {
  return !leading.getState().follows;
}

// What only asks, although it is posted: nothing is written by it.
const ASKS = /\/(search|searches|estimate|preview|dry-run|log-ins|log-out)$/;

api.use({
  onRequest({ request }) {
    const asks = request.method === "GET" || ASKS.test(new URL(request.url).pathname);
    if (!asks && !mayAct()) throw Problem.ofSecondTab();
    return undefined;
  },
});
