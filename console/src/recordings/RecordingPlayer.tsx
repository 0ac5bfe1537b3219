// A recording's player with its transcript, for other pages: scoring, exceptions, complaints. `key` it by the recording.
import { useEffect, useMemo, type Ref, useImperativeHandle } from "react";
import { $api } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { Player } from "./Player";
import { usePlayback } from "./playback";
import { Transcript, type ShownTurn } from "./Transcript";
import type { Mark } from "./Waveform";
import { shownTurns } from "./shown_turns";

export interface RecordingControl {
  /** The second that is heard now. */
  second: () => number;
  seek: (second: number) => void;
  playFrom: (second: number) => void;
}

interface Props {
  recordingId: string;
  start?: number;
  marks?: readonly Mark[];
  ref?: Ref<RecordingControl>;
}

const NO_TURNS: readonly ShownTurn[] = [];

export function RecordingPlayer({ recordingId, start = 0, marks, ref }: Props) {
  const params = { params: { path: { recording_id: recordingId } } };
  const recording = $api.useQuery("get", "/api/v1/recordings/{recording_id}", params);
  const peaks = $api.useQuery("get", "/api/v1/recordings/{recording_id}/peaks", params, { staleTime: Infinity });
  const transcript = $api.useQuery("get", "/api/v1/recordings/{recording_id}/transcript", params);
  const playback = usePlayback(`/api/v1/recordings/${recordingId}/audio`);
  const turns = useMemo(() => (transcript.data ? shownTurns(transcript.data.turns) : NO_TURNS), [transcript.data]);
  useEffect(() => playback.seek(start), [playback, start]);
  useImperativeHandle(
    ref,
    () => ({
      second: () => playback.state.getState().second,
      seek: (second) => playback.seek(second),
      playFrom: (second) => playback.playFrom(second),
    }),
    [playback],
  );
  return (
    <div className="recording-player">
      <Loaded query={recording}>
        {(known) => <Player playback={playback} seconds={known.seconds ?? 0} peaks={peaks.data ?? null} turns={turns} marks={marks} />}
      </Loaded>
      <Loaded query={transcript}>{() => <Transcript playback={playback} turns={turns} />}</Loaded>
    </div>
  );
}
