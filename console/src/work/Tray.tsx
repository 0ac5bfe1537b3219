// What waits for a signature: the drafts of her calls, with what the transcripts propose and what was heard; several at once.
import { App, Badge, Button, Checkbox, Drawer, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, queries, type Shape } from "@/api/client";
import { inWords } from "@/api/problem";
import { useCall } from "@/calls/call";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { serverNow } from "@/live/server_clock";
import { dayAndClock, span } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { said, type Both } from "@/words";

type Note = Shape["NoteAnswer"];
type Heard = Shape["HeardAnswerAnswer"];

const LATE_MS = 24 * 3600 * 1000;

export function TrayButton() {
  const { t } = useTranslation("work");
  const [open, setOpen] = useState(false);
  const notes = $api.useQuery("get", "/api/v1/agents/me/notes");
  const count = notes.data?.notes.length ?? 0;
  return (
    <>
      <Badge count={count} size="small">
        <KeyButton size="small" command="tray" onRun={() => setOpen(!open)}>
          {t("tray.title")}
        </KeyButton>
      </Badge>
      <Drawer open={open} onClose={() => setOpen(false)} size={720} title={t("tray.title")} destroyOnHidden>
        <Tray />
      </Drawer>
    </>
  );
}

function Tray() {
  const { t } = useTranslation("work");
  const notes = $api.useQuery("get", "/api/v1/agents/me/notes");
  const heard = $api.useQuery("get", "/api/v1/agents/me/heard-answers");
  return (
    <Loaded query={notes} isEmpty={(found) => found.notes.length === 0 && !heard.data?.answers.length} empty={t("tray.empty")}>
      {(found) => <Drafts notes={found.notes} names={found.names} heard={heard.data?.answers ?? []} />}
    </Loaded>
  );
}

function Drafts({ notes, names, heard }: { notes: Note[]; names: Record<string, string>; heard: Heard[] }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const [signed, setSigned] = useState<ReadonlySet<string>>(new Set());
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const chosen = notes.filter((note) => signed.has(note.id));
  const flip = (set: ReadonlySet<string>, id: string) => new Set(set.has(id) ? [...set].filter((each) => each !== id) : [...set, id]);
  const orphans = heard.filter((each) => !notes.some((note) => note.attempt_id === each.attempt_id));

  async function sign(): Promise<void> {
    if (chosen.length === 0) return void message.info(t("tray.choose"));
    setBusy(true);
    let done = 0;
    try {
      for (const note of chosen) {
        await settle(note, heard.filter((each) => each.attempt_id === note.attempt_id), left);
        done += 1;
      }
      void message.success(t("tray.signed", { count: done }));
    } catch (problem) {
      const { title, detail } = inWords(problem);
      void message.error([t("tray.signed", { count: done }), title, detail].filter(Boolean).join(": "));
    } finally {
      setBusy(false);
      await refreshed();
    }
  }

  const { phase } = useCall();
  // During a wrap-up the keys are the wrap-up's.
  useCommand("submit_and_next", () => void sign(), { enabled: phase !== "wrap_up" });
  return (
    <div className="tray">
      <p className="quiet">{t("tray.help")}</p>
      <div className="tray-actions">
        <Button size="small" onClick={() => setSigned(new Set(notes.length === chosen.length ? [] : notes.map((note) => note.id)))}>
          {t(notes.length === chosen.length ? "tray.none" : "tray.all")}
        </Button>
        <Button type="primary" size="small" loading={busy} disabled={chosen.length === 0} onClick={() => void sign()} aria-keyshortcuts="Control+Enter">
          {t("tray.sign", { count: chosen.length })} <kbd className="keys">Ctrl+Enter</kbd>
        </Button>
      </div>
      {notes.map((note) => {
        const age = serverNow() - Date.parse(note.created_at);
        const lines = note.proposals.filter((line) => line.state === "proposed");
        const answers = heard.filter((each) => each.attempt_id === note.attempt_id);
        return (
          <article key={note.id} className="draft">
            <Checkbox checked={signed.has(note.id)} onChange={() => setSigned(flip(signed, note.id))}>
              <strong>{names[note.patient_id] ?? ""}</strong> {dayAndClock(note.created_at)} {age > LATE_MS && <Tag color="error">{t("tray.late")}</Tag>}
            </Checkbox>
            <p className="note" lang={note.language === "en" ? "en" : "zh-CN"}>
              {note.text}
            </p>
            {(lines.length > 0 || answers.length > 0) && <h4>{t("tray.proposed")}</h4>}
            {lines.map((line) => (
              <Checkbox key={line.id} className="line" checked={!left.has(line.id)} onChange={() => setLeft(flip(left, line.id))}>
                {line.text} <span className="quiet">{t("tray.heard_at", { quote: line.quote, at: span(line.start) })}</span>
              </Checkbox>
            ))}
            {answers.map((answer) => (
              <HeardLine key={answer.id} answer={answer} left={left.has(answer.id)} onFlip={() => setLeft(flip(left, answer.id))} />
            ))}
          </article>
        );
      })}
      {orphans.length > 0 && (
        <section className="draft">
          <h4>{t("tray.orphans")}</h4>
          {orphans.map((answer) => (
            <HeardLine key={answer.id} answer={answer} left={left.has(answer.id)} onFlip={() => setLeft(flip(left, answer.id))} />
          ))}
          <Button size="small" onClick={() => void decideAll(orphans, left).then(refreshed, (problem) => void message.error(inWords(problem).title))}>
            {t("tray.take_over")}
          </Button>
        </section>
      )}
    </div>
  );
}

function HeardLine({ answer, left, onFlip }: { answer: Heard; left: boolean; onFlip: () => void }) {
  const { t } = useTranslation("work");
  return (
    <Checkbox className="line" checked={!left} onChange={onFlip}>
      {said(answer.question as unknown as Both)} <strong>{said(answer.said as unknown as Both)}</strong>{" "}
      <span className="quiet">{t("tray.heard_at", { quote: answer.quote, at: span(answer.start) })}</span>
    </Checkbox>
  );
}

/** Take in what was left ticked, leave out the rest, then sign: the text is changed before it is signed, never after. */
async function settle(note: Note, heard: Heard[], left: ReadonlySet<string>): Promise<void> {
  const lines = note.proposals.filter((line) => line.state === "proposed").map((line) => line.id);
  if (lines.length > 0) {
    await api.POST("/api/v1/notes/{note_id}/decisions", {
      params: { path: { note_id: note.id } },
      body: { accept: lines.filter((id) => !left.has(id)), dismiss: lines.filter((id) => left.has(id)) },
    });
  }
  await decideAll(heard, left);
  await api.POST("/api/v1/notes/{note_id}/sign", { params: { path: { note_id: note.id } } });
}

async function decideAll(heard: Heard[], left: ReadonlySet<string>): Promise<void> {
  for (const attemptId of new Set(heard.map((each) => each.attempt_id))) {
    const ids = heard.filter((each) => each.attempt_id === attemptId).map((each) => each.id);
    await api.POST("/api/v1/attempts/{attempt_id}/heard-answers/decisions", {
      params: { path: { attempt_id: attemptId } },
      body: { accept: ids.filter((id) => !left.has(id)), dismiss: ids.filter((id) => left.has(id)) },
    });
  }
}

function refreshed(): Promise<void> {
  return queries.invalidateQueries({ predicate: ({ queryKey }) => ["/api/v1/agents/me/notes", "/api/v1/agents/me/heard-answers"].includes(String(queryKey[1])) });
}
