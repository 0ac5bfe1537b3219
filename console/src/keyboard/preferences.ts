// What this user has set for himself, loaded once and kept on the server: keys and language follow him to every desk.
import i18next from "i18next";
import { useEffect } from "react";
import { $api, api, queries, type Shape } from "@/api/client";
import { speak, type Language } from "@/words";
import { bindings, COMMANDS, type Command } from "./commands";

type Preferences = Shape["PreferencesAnswer"];

const WHERE = ["get", "/api/v1/me/preferences"] as const;

/** Loads what was set and follows the reader's choice of language; for the one component that is always there. */
export function usePreferences(): void {
  const kept = $api.useQuery(...WHERE, undefined, { staleTime: Infinity });
  useEffect(() => {
    if (!kept.data) return;
    bindings.getState().choose(known(kept.data.shortcuts));
    if (kept.data.language && kept.data.language !== i18next.language) speak(kept.data.language);
  }, [kept.data]);
  useEffect(() => {
    const follow = (language: string) => {
      const present = queries.getQueryData<Preferences>($api.queryOptions(...WHERE).queryKey);
      if (present && present.language !== language) void keep({ language: language as Language });
    };
    i18next.on("languageChanged", follow);
    return () => i18next.off("languageChanged", follow);
  }, []);
}

/** Keep a change beside what was set before; what the server answers holds from then on. */
export async function keep(change: Partial<Preferences>): Promise<void> {
  const { queryKey } = $api.queryOptions(...WHERE);
  const present = queries.getQueryData<Preferences>(queryKey) ?? (await api.GET("/api/v1/me/preferences")).data;
  const { data } = await api.PUT("/api/v1/me/preferences", { body: { ...present, ...change } });
  if (data) queries.setQueryData(queryKey, data);
}

/** Commands of an older or newer console are passed over. */
function known(shortcuts: Record<string, string>): Partial<Record<Command, string>> {
  return Object.fromEntries(Object.entries(shortcuts).filter(([command]) => command in COMMANDS));
}
