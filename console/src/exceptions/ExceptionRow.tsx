// One line: what, where, how old, whose, and what can be done about it.
import { Button, Space, Tag } from "antd";
import { memo } from "react";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useHasRole, useMe } from "@/api/me";
import { serverNow } from "@/live/server_clock";
import { dayAndClock } from "@/shown/instants";
import { age, detail, type Exception } from "./shown";
import type { Act } from "./WordsDialog";
import type { useActs } from "./useActs";

interface Props {
  line: Exception;
  owner: string;
  where: string;
  acts: ReturnType<typeof useActs>;
  onAct: (act: Act, line: Exception) => void;
}

const OWN_ACTS: Partial<Record<Exception["kind"], readonly Exclude<Act, "settle" | "assign">[]>> = {
  no_recording: ["explain"],
  incomplete_recording: ["explain"],
  failed_recording: ["retry"],
  glass_unreviewed: ["review"],
  parked_task: ["replay", "dismiss"],
};

export const ExceptionRow = memo(function ExceptionRow({ line, owner, where, acts, onAct }: Props) {
  const { t } = useTranslation("exceptions");
  const go = useNavigate();
  const me = useMe();
  const admin = useHasRole("admin");
  const mine = line.owner_id === me.data?.user_id;
  const own = (OWN_ACTS[line.kind] ?? []).filter((act) => admin || (act !== "replay" && act !== "dismiss"));
  const taskId = line.task_id;
  return (
    <>
      <td>
        <Tag color={line.kind === "red_unacknowledged" ? "red" : undefined}>{t(`kinds.${line.kind}`)}</Tag>
      </td>
      <td>
        <span className="exceptions-cut" title={detail(line)}>
          {detail(line)}
        </span>
      </td>
      <td>
        <span className="exceptions-cut" title={where}>
          {where}
        </span>
      </td>
      <td className="wall-number">
        <time dateTime={line.since} title={dayAndClock(line.since)}>
          {age(line.since, serverNow())}
        </time>
      </td>
      <td>
        <span className="exceptions-cut">{owner}</span>
      </td>
      <td>
        <Space size={4}>
          {!line.owner_id && (
            <Button size="small" disabled={acts.busy} onClick={() => acts.take(line)}>
              {t("take")}
            </Button>
          )}
          {mine && (
            <Button size="small" disabled={acts.busy} onClick={() => acts.release(line)}>
              {t("release")}
            </Button>
          )}
          <Button size="small" onClick={() => onAct("assign", line)}>
            {t("assign")}
          </Button>
          {line.settled_by_words && (
            <Button size="small" type="primary" onClick={() => onAct("settle", line)}>
              {t("settle")}
            </Button>
          )}
          {line.kind === "red_unacknowledged" && (
            <Button size="small" type="primary" danger disabled={acts.busy} onClick={() => acts.acknowledge(line)}>
              {t("act.acknowledge")}
            </Button>
          )}
          {own.map((act) => (
            <Button key={act} size="small" type={act === "dismiss" ? "default" : "primary"} onClick={() => onAct(act, line)}>
              {t(`act.${act}`)}
            </Button>
          ))}
          {line.recording_id && (
            <Button
              size="small"
              type="link"
              onClick={() => void go({ to: "/recordings/$recordingId", params: { recordingId: line.recording_id! } })}
            >
              {t("open_recording")}
            </Button>
          )}
          {taskId && (
            <Button
              size="small"
              type="link"
              onClick={() =>
                void acts.patientOf(taskId).then((patientId) => {
                  if (patientId) void go({ to: "/patients/$patientId", params: { patientId } });
                })
              }
            >
              {t("open_patient")}
            </Button>
          )}
        </Space>
      </td>
    </>
  );
});
