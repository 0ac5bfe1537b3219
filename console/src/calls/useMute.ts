// Mute: in the browser at once and without asking anybody; of a desk phone by its line.
import { useEffect } from "react";
import { headset, worn } from "@/headset/worn";
import type { Call } from "./call";
import { commandTo, useCallCommand } from "./commands";
import { useDesk } from "./desk";
import { leading } from "./leader";

interface Mute {
  muted: boolean;
  possible: boolean;
  toggle: () => void;
}

export function useMute(call: Call): Mute {
  const kind = useDesk().data?.headset_kind;
  const follows = leading((state) => state.follows);
  const { state, muted } = worn();
  const command = useCallCommand();
  const here = state !== "off" && state !== "refused";
  const byLine = call.muted;
  const phone = kind === "phone" && !here;
  const asked = command.isPending ? command.variables.body.verb : null;
  const lineMuted = asked ? asked === "mute" : byLine;
  return {
    muted: phone ? lineMuted : muted || byLine,
    possible: !follows && (phone ? call.commands.includes("mute") || call.commands.includes("unmute") : here),
    toggle: () => {
      if (phone) command.mutate(commandTo(call.id, byLine ? "unmute" : "mute"));
      else {
        headset.mute(!(muted || byLine));
        if (byLine) command.mutate(commandTo(call.id, "unmute"));
      }
    },
  };
}

/** Nobody begins a call muted because the last one ended so. */
export function useUnmutedStart(callId: string | null): void {
  useEffect(() => {
    if (callId !== null) return () => headset.mute(false);
    return undefined;
  }, [callId]);
}
