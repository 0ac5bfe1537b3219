// A redacted copy: what a reviewer reads and hears, without whose call it was.
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { Player } from "./Player";
import { useListening, usePlayback } from "./playback";
import { Transcript, type ShownTurn } from "./Transcript";

export function CopyPage({ copyId }: { copyId: string }) {
  const { t } = useTranslation("recordings");
  const copy = $api.useQuery("get", "/api/v1/redacted-copies/{copy_id}/transcript", { params: { path: { copy_id: copyId } } });
  const playback = usePlayback(`/api/v1/redacted-copies/${copyId}/audio`);
  const known = useListening(playback, (now) => now.seconds);
  const turns = useMemo<ShownTurn[]>(
    () => (copy.data?.turns ?? []).map((turn) => ({ channel: turn.channel, start: turn.start, end: turn.end, shown: turn.written || turn.text })),
    [copy.data],
  );
  return (
    <div className="one-recording">
      <div className="one-head">
        <h1 className="page-title">{t("copies.one")}</h1>
        <Link to="/recordings">{t("copies.all")}</Link>
      </div>
      <Loaded query={copy}>
        {() => (
          <>
            {/* Until the sound tells its length, the last turn's end is what is known of it. */}
            <Player playback={playback} seconds={known || Math.max(0, ...turns.map((turn) => turn.end))} peaks={null} turns={turns} />
            <Transcript playback={playback} turns={turns} />
          </>
        )}
      </Loaded>
    </div>
  );
}
