// One recording: its sound, what was said, the facts of the call, comments, who listened. `?t=83` opens it at that second.
import { useParams, useSearch } from "@tanstack/react-router";
import { CopyPage } from "./CopyPage";
import { OneRecording } from "./OneRecording";
import "./recordings.css";
import "./words";

export interface Moment {
  t?: number;
  copy?: boolean;
  hit?: string | number;
  search?: string;
}

export default function RecordingPage() {
  const { recordingId } = useParams({ strict: false }) as { recordingId: string };
  const { copy } = useSearch({ strict: false }) as Moment;
  return copy ? <CopyPage key={recordingId} copyId={recordingId} /> : <OneRecording key={recordingId} recordingId={recordingId} />;
}
