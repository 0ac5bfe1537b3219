// Comments at seconds: read, made at what is heard now, taken back by who made them.
import { CaretRightOutlined } from "@ant-design/icons";
import type { UseQueryResult } from "@tanstack/react-query";
import { App, Button, Input, Popconfirm } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { inWords } from "@/api/problem";
import { KeyButton } from "@/keyboard/KeyButton";
import { dayAndClock, span } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";

interface Props {
  recordingId: string;
  query: UseQueryResult<Shape["CommentsAnswer"], unknown>;
  play: (second: number) => void;
  /** The second at which one is being written. */
  at: number | null;
  begin: () => void;
  end: () => void;
}

export function Comments({ recordingId, query, play, at, begin, end }: Props) {
  const { t } = useTranslation("recordings");
  const { message } = App.useApp();
  const [words, setWords] = useState("");
  const told = (problem: unknown) => {
    const { title, detail } = inWords(problem);
    void message.error(`${title}: ${detail}`);
  };
  const add = $api.useMutation("post", "/api/v1/recordings/{recording_id}/comments", { onError: told });
  const withdraw = $api.useMutation("post", "/api/v1/recordings/{recording_id}/comments/{comment_id}/withdrawal", { onError: told });
  const path = { recording_id: recordingId };
  const save = () => {
    if (at === null || !words.trim()) return;
    add.mutate(
      { params: { path }, body: { second: at, words } },
      {
        onSuccess: () => {
          setWords("");
          end();
          void query.refetch();
          void message.success(t("comments.saved", { at: span(at) }));
        },
      },
    );
  };
  const takeBack = (commentId: string) =>
    withdraw.mutate(
      { params: { path: { ...path, comment_id: commentId } } },
      {
        onSuccess: () => {
          void query.refetch();
          void message.success(t("comments.withdrawn"));
        },
      },
    );
  return (
    <div className="tab-scroll">
      {at === null ? (
        <KeyButton command="comment" onRun={begin}>
          {t("comments.add")}
        </KeyButton>
      ) : (
        <div className="comment-form">
          <label htmlFor="comment-words">{t("comments.at", { at: span(at) })}</label>
          <Input.TextArea
            id="comment-words"
            autoFocus
            rows={3}
            maxLength={2000}
            value={words}
            onChange={(event) => setWords(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && event.ctrlKey) save();
              if (event.key === "Escape") end();
            }}
          />
          <Button type="primary" loading={add.isPending} disabled={!words.trim()} onClick={save}>
            {t("comments.save")} <kbd className="keys">Ctrl+Enter</kbd>
          </Button>
          <Button onClick={end}>{t("transcript.cancel")}</Button>
        </div>
      )}
      <Loaded query={query} isEmpty={({ comments }) => !comments.length} empty={t("comments.none")}>
        {({ comments }) => (
          <ol className="comments">
            {comments.map((comment) => (
              <li key={comment.id}>
                <Button
                  size="small"
                  type="text"
                  icon={<CaretRightOutlined aria-hidden />}
                  onClick={() => play(comment.second)}
                  aria-label={t("transcript.play_from", { at: span(comment.second) })}
                >
                  {span(comment.second)}
                </Button>
                <div>
                  <div className="comment-words">{comment.words}</div>
                  <span className="list-quiet">
                    {comment.by_name} · {dayAndClock(comment.at)}
                  </span>
                  {comment.own && (
                    <Popconfirm title={t("comments.sure")} okText={t("comments.withdraw")} cancelText={t("transcript.cancel")} onConfirm={() => takeBack(comment.id)}>
                      <Button size="small" type="link">
                        {t("comments.withdraw")}
                      </Button>
                    </Popconfirm>
                  )}
                </div>
              </li>
            ))}
          </ol>
        )}
      </Loaded>
    </div>
  );
}
