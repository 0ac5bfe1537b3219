// What was said, turn by turn, beside the sound: a click plays a turn, the turn that is heard is lit, words are found in it.
import { CaretRightOutlined, DownOutlined, EditOutlined, UpOutlined } from "@ant-design/icons";
import { Button, Empty, Input, Switch, Tag, type InputRef } from "antd";
import { memo, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Shape } from "@/api/client";
import { KeyButton } from "@/keyboard/KeyButton";
import { useCommand } from "@/keyboard/useCommand";
import { span } from "@/shown/instants";
import { useListening, type Playback } from "./playback";
import { placesOf, turnAt, type Found } from "./turns";
import "./player.css";
import "./words";

/** A turn of a transcript or of a redacted copy, as it is shown. */
export interface ShownTurn {
  channel: Shape["TurnAnswer"]["channel"];
  start: number;
  end: number;
  shown: string;
  confidence?: number;
  medicines?: readonly string[];
}

interface Props {
  playback: Playback;
  turns: readonly ShownTurn[];
  /** What to look for at first, for who comes from a search. */
  find?: string;
  /** Offered only to who may correct. */
  correct?: ((turn: number, words: string) => Promise<void>) | undefined;
  /** What stands below a turn: its earlier words, comments made while it was said. */
  below?: ((turn: number) => ReactNode) | undefined;
}

const DOUBTFUL = 0.7;
const NOTHING: readonly Found[] = [];

export function Transcript({ playback, turns, find = "", correct, below }: Props) {
  const { t } = useTranslation("recordings");
  const [wanted, setWanted] = useState(find);
  const [current, setCurrent] = useState(0);
  const [following, setFollowing] = useState(true);
  const field = useRef<InputRef>(null);
  const list = useRef<HTMLOListElement>(null);
  const spoken = useListening(playback, ({ second }) => turnAt(turns, second));
  const places = useMemo(() => placesOf(turns, wanted), [turns, wanted]);
  const byTurn = useMemo(() => grouped(places), [places]);
  const place = places[Math.min(current, places.length - 1)];

  const show = useCallback((turn: number) => {
    const row = list.current?.children[turn];
    if (!(row instanceof HTMLElement) || !list.current) return;
    const [top, bottom] = [list.current.scrollTop, list.current.scrollTop + list.current.clientHeight];
    if (row.offsetTop < top || row.offsetTop + row.offsetHeight > bottom) {
      list.current.scrollTop = row.offsetTop - list.current.clientHeight / 3;
    }
  }, []);
  useEffect(() => {
    if (following && spoken >= 0) show(spoken);
  }, [following, spoken, show]);

  const go = (steps: number) => {
    if (!places.length) return;
    const next = (current + steps + places.length) % places.length;
    const turn = places[next]!.turn;
    setCurrent(next);
    show(turn);
    playback.seek(turns[turn]!.start);
  };
  useCommand("search", () => field.current?.focus());
  const play = useCallback((second: number) => playback.playFrom(second), [playback]);

  return (
    <section className="transcript" aria-label={t("transcript.name")}>
      <div className="transcript-head">
        <Input.Search
          ref={field}
          allowClear
          aria-label={t("transcript.find")}
          placeholder={t("transcript.find")}
          value={wanted}
          maxLength={100}
          onChange={(event) => {
            setWanted(event.target.value);
            setCurrent(0);
          }}
          onSearch={() => go(1)}
        />
        {wanted.trim() !== "" && (
          <>
            <output className="transcript-count">{t("transcript.place", { at: places.length ? current + 1 : 0, of: places.length })}</output>
            <KeyButton command="previous_hit" size="small" icon={<UpOutlined aria-hidden />} disabled={!places.length} onRun={() => go(-1)}>
              <span className="for-readers">{t("transcript.previous")}</span>
            </KeyButton>
            <KeyButton command="next_hit" size="small" icon={<DownOutlined aria-hidden />} disabled={!places.length} onRun={() => go(1)}>
              <span className="for-readers">{t("transcript.next")}</span>
            </KeyButton>
          </>
        )}
        <label className="player-labelled">
          <Switch size="small" checked={following} onChange={setFollowing} />
          {t("transcript.follow")}
        </label>
      </div>
      {turns.length === 0 ? (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("transcript.nothing_said")} />
      ) : (
        // Somebody who turns the wheel wants to read elsewhere.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by keys
        <ol ref={list} className="transcript-turns" tabIndex={0} aria-label={t("transcript.name")} onWheel={() => setFollowing(false)}>
          {turns.map((turn, at) => (
            <Turn
              key={at}
              turn={turn}
              at={at}
              lit={at === spoken}
              places={byTurn.get(at) ?? NOTHING}
              place={place?.turn === at ? place : null}
              play={play}
              correct={correct}
              below={below?.(at)}
            />
          ))}
        </ol>
      )}
    </section>
  );
}

interface TurnProps {
  turn: ShownTurn;
  at: number;
  lit: boolean;
  places: readonly Found[];
  place: Found | null;
  play: (second: number) => void;
  correct: Props["correct"];
  below: ReactNode;
}

const Turn = memo(function Turn({ turn, at, lit, places, place, play, correct, below }: TurnProps) {
  const { t } = useTranslation("recordings");
  const [words, setWords] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const save = async () => {
    if (words === null || !correct) return;
    setSaving(true);
    try {
      await correct(at, words);
      setWords(null);
    } catch {
      // Who saves tells what went wrong; the words stay in the field.
    } finally {
      setSaving(false);
    }
  };
  return (
    <li className={lit ? "turn turn-lit" : "turn"} aria-current={lit ? "true" : undefined}>
      <Button size="small" type="text" className="turn-time" icon={<CaretRightOutlined aria-hidden />} onClick={() => play(turn.start)} aria-label={t("transcript.play_from", { at: span(turn.start) })}>
        {span(turn.start)}
      </Button>
      <span className={`turn-side turn-side-${turn.channel}`}>{t(`side.${turn.channel}`)}</span>
      {words === null ? (
        // The button with the second does the same by keys.
        // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
        <div className="turn-words" onClick={() => getSelection()?.isCollapsed && play(turn.start)}>
          {marked(turn.shown, places, place)}
          {turn.confidence !== undefined && turn.confidence < DOUBTFUL && (
            <Tag className="turn-tag">
              {t("transcript.doubtful")}
            </Tag>
          )}
          {turn.medicines?.map((name) => (
            <Tag key={name} className="turn-tag">
              {t("transcript.maybe", { name })}
            </Tag>
          ))}
        </div>
      ) : (
        <div className="turn-edit">
          <Input.TextArea
            autoFocus
            rows={2}
            aria-label={t("transcript.correct")}
            value={words}
            maxLength={2000}
            onChange={(event) => setWords(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") setWords(null);
              if (event.key === "Enter" && event.ctrlKey) void save();
            }}
          />
          <Button size="small" type="primary" loading={saving} disabled={!words.trim()} onClick={() => void save()}>
            {t("transcript.save")}
          </Button>
          <Button size="small" onClick={() => setWords(null)}>
            {t("transcript.cancel")}
          </Button>
        </div>
      )}
      {correct && words === null && (
        <Button size="small" type="text" icon={<EditOutlined aria-hidden />} aria-label={t("transcript.correct_at", { at: span(turn.start) })} onClick={() => setWords(turn.shown)} />
      )}
      {below && <div className="turn-below">{below}</div>}
    </li>
  );
});

function marked(words: string, places: readonly Found[], current: Found | null): ReactNode {
  if (!places.length) return words;
  const pieces: ReactNode[] = [];
  let told = 0;
  for (const place of places) {
    pieces.push(words.slice(told, place.start));
    pieces.push(
      <mark key={place.start} className={place === current ? "found-now" : undefined}>
        {words.slice(place.start, place.end)}
      </mark>,
    );
    told = place.end;
  }
  pieces.push(words.slice(told));
  return pieces;
}

function grouped(places: readonly Found[]): Map<number, Found[]> {
  const found = new Map<number, Found[]>();
  for (const place of places) found.set(place.turn, [...(found.get(place.turn) ?? []), place]);
  return found;
}
