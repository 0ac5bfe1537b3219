// Which answers of the API an event makes stale: they are fetched anew if a page shows them. The one table of it.
import type { QueryClient } from "@tanstack/react-query";
import { follow, whenMissed, type LiveEvent } from "./connection";

/** For each kind of event, the beginnings of paths (below /api/v1) whose answers may be other ones now. */
const STALE: Record<string, readonly string[]> = {
  task_queued: ["/tasks", "/queues", "/patients/{patient_id}/plans"],
  task_escalated: ["/tasks", "/queues", "/exceptions"],
  task_given_back: ["/tasks", "/queues"],
  task_closed: ["/tasks", "/queues", "/plans", "/patients/{patient_id}/plans"],
  preview_expired: ["/agents/me", "/attempts", "/tasks"],
  attempt_reserved: ["/agents/me", "/attempts", "/tasks", "/queues"],
  attempt_closed: ["/agents/me", "/attempts", "/tasks", "/queues", "/patients/{patient_id}/follow-ups"],
  next_decided: ["/attempts", "/tasks", "/agents/me"],
  campaign_changed: ["/campaigns"],
  pacing_alarm: ["/queues", "/exceptions"],
  queue_changed: ["/queues"],
  call_changed: ["/calls", "/agents/me/call", "/agents"],
  call_ended: ["/calls", "/agents/me/call", "/agents", "/supervisions"],
  agent_changed: ["/agents", "/headset"],
  supervision_changed: ["/supervisions", "/calls"],
  help_changed: ["/agents/me/help"],
  inbound_changed: ["/inbound", "/agents/me"],
  recording_captured: ["/recordings", "/exceptions", "/recording-gaps"],
  recording_stored: ["/recordings", "/exceptions", "/recording-gaps"],
  recording_failed: ["/recordings", "/exceptions", "/recording-gaps", "/failed-recordings"],
  recording_gap_found: ["/recording-gaps", "/exceptions"],
  recording_gap_settled: ["/recording-gaps", "/exceptions"],
  captions_changed: ["/calls/{call_id}/captions"],
  transcript_ready: ["/recordings", "/searches"],
  transcript_corrected: ["/recordings/{recording_id}/transcript", "/searches"],
  recording_commented: ["/recordings/{recording_id}/comments"],
  note_drafted: ["/notes", "/attempts", "/agents/me"],
  note_proposals_ready: ["/notes", "/agents/me", "/note-proposals"],
  note_outlined: ["/notes"],
  note_signed: ["/notes", "/exceptions", "/patients/{patient_id}/follow-ups"],
  answers_heard: ["/agents/me/heard-answers", "/attempts"],
  response_saved: ["/responses", "/tasks/{task_id}/responses"],
  response_completed: ["/responses", "/tasks/{task_id}/responses"],
  alert_raised: ["/alerts", "/exceptions"],
  alert_changed: ["/alerts", "/exceptions"],
  duty_changed: ["/duty"],
  request_changed: ["/requests"],
  trunk_changed: ["/trunks", "/system"],
  import_progressed: ["/imports"],
  message_received: ["/received-messages"],
  number_wanted: ["/number-searches"],
  goal_changed: ["/patients/{patient_id}/goals", "/goals"],
  record_changed: ["/patients/{patient_id}"],
  tags_changed: ["/patients/{patient_id}/tags", "/patients/{patient_id}/record"],
  risk_changed: ["/patients/{patient_id}/risk"],
  summary_changed: ["/summaries", "/patients/{patient_id}/summaries"],
  print_changed: ["/prints", "/summaries"],
  treatment_decided: ["/treatment-proposals"],
  exception_changed: ["/exceptions"],
  task_parked: ["/parked-tasks", "/system", "/exceptions"],
  glass_broken: ["/broken-glasses", "/exceptions"],
  caller_id_fell: ["/caller-ids", "/exceptions"],
};

/** What these tell of `/agents/me` concerns the agent named in them, and nobody else on a floor of two hundred. */
const OF_ONE_AGENT: ReadonlySet<string> = new Set(["attempt_reserved", "attempt_closed", "preview_expired", "note_drafted"]);

const TOGETHER_MS = 250; // a burst of events fetches once

/** Keep what the pages show fresh; gives back how to stop. */
export function keepFresh(queries: QueryClient): () => void {
  const waiting = new Set<string>();
  let timer = 0;
  const flush = () => {
    const paths = [...waiting].map((path) => `/api/v1${path}`);
    waiting.clear();
    timer = 0;
    void queries.invalidateQueries({
      predicate: ({ queryKey }) => typeof queryKey[1] === "string" && paths.some((path) => (queryKey[1] as string).startsWith(path)),
    });
  };
  const stopFollowing = follow((event: LiveEvent) => {
    const foreign = OF_ONE_AGENT.has(event.kind) && event.ids["agent"] !== undefined && event.ids["agent"] !== own(queries);
    for (const path of STALE[event.kind] ?? []) if (!foreign || !path.startsWith("/agents/me")) waiting.add(path);
    if (waiting.size && !timer) timer = window.setTimeout(flush, TOGETHER_MS);
  });
  const stopLooking = whenMissed(() => void queries.invalidateQueries());
  return () => {
    clearTimeout(timer);
    stopFollowing();
    stopLooking();
  };
}

function own(queries: QueryClient): string | undefined {
  const [me] = queries.getQueriesData<{ user_id: string }>({ predicate: ({ queryKey }) => queryKey[1] === "/api/v1/me" });
  return me?.[1]?.user_id;
}
