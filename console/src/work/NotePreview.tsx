// The note as it would be signed, beside the form while the wrap-up is done: nobody signs what she has not read.
import { FileTextOutlined } from "@ant-design/icons";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useCall } from "@/calls/call";
import { draft } from "./draft";
import { useHand } from "./hand";
import { asked } from "./outcomes";

const TYPING_MS = 600;

export function NotePreview() {
  const { t } = useTranslation("work");
  const { attempt, phase } = useCall();
  const { relative } = useHand();
  const { choice, note, spokeWith, savedAt } = draft();
  const [settled, setSettled] = useState({ note, spokeWith });
  useEffect(() => {
    const timer = setTimeout(() => setSettled({ note, spokeWith }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [note, spokeWith]);
  const ask = asked({ choice: choice ?? "completed", relative, ...settled, callBackAt: null, partial: false, along: [] });
  const shown = $api.useQuery(
    "post",
    "/api/v1/attempts/{attempt_id}/note-preview",
    {
      params: { path: { attempt_id: attempt?.id ?? "" } },
      body: { outcome: ask.outcome, spoke_with: ask.spoke_with, note: ask.note },
    },
    { enabled: phase === "wrap_up" && attempt !== null && choice !== null, placeholderData: (before) => before, staleTime: 0 },
  );
  const { refetch } = shown;
  useEffect(() => {
    if (savedAt !== null && phase === "wrap_up" && choice !== null) void refetch();
  }, [savedAt, phase, choice, refetch]);
  if (phase !== "wrap_up") return null;
  return (
    <section className="work-column note-preview" aria-label={t("note.preview")}>
      <h3>
        <FileTextOutlined aria-hidden /> {t("note.preview")}
      </h3>
      {choice === null ? (
        <p className="quiet">{t("note.choose_first")}</p>
      ) : (
        // It may be longer than its place.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <p className="note" tabIndex={0} lang={shown.data?.language === "en" ? "en" : "zh-CN"}>
          {shown.data?.text ?? "…"}
        </p>
      )}
    </section>
  );
}
