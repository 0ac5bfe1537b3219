// Queues: who waits, who serves them, what their day came to; and abandonment beside the limit it must keep.
import { Tag } from "antd";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { clock } from "@/shown/instants";
import { percent, shown } from "./shares";
import type { WallQueue } from "./useWall";

export const QueuesTable = memo(function QueuesTable({ queues }: { queues: readonly WallQueue[] }) {
  const { t } = useTranslation("wall");
  return (
    <section className="wall-card wall-queues" aria-labelledby="wall-queues">
      <header>
        <h2 id="wall-queues">{t("queues.title", { count: queues.length })}</h2>
      </header>
      {queues.length === 0 ? (
        <p className="wall-none">{t("queues.none")}</p>
      ) : (
        // A region that scrolls has to be reached by the keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="wall-rows" role="region" aria-labelledby="wall-queues" tabIndex={0}>
          <table className="wall-table">
            <thead>
              <tr>
                <th scope="col">{t("queues.name")}</th>
                <th scope="col" className="wall-number">{t("queues.waiting")}</th>
                <th scope="col" className="wall-number">{t("queues.oldest")}</th>
                <th scope="col" className="wall-number">{t("queues.agents")}</th>
                <th scope="col" className="wall-number">{t("queues.contact")}</th>
                <th scope="col" className="wall-number">{t("queues.abandoned")}</th>
              </tr>
            </thead>
            <tbody>
              {queues.map((queue) => (
                <QueueRow key={queue.queue_id} queue={queue} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
});

const QueueRow = memo(function QueueRow({ queue }: { queue: WallQueue }) {
  const { t } = useTranslation("wall");
  const abandoned = queue.abandoned && shown(queue.abandoned);
  return (
    <tr>
      <th scope="row">
        <span className="wall-cut" title={queue.name}>
          {queue.name}
        </span>
        {queue.paused && <Tag color="orange">{t("queues.paused")}</Tag>}
      </th>
      <td className="wall-number">
        {queue.waiting}
        {queue.closing > 0 && <span className="wall-detail">{t("queues.closing", { count: queue.closing })}</span>}
      </td>
      <td className="wall-number">{queue.oldest_since ? clock(queue.oldest_since) : t("none")}</td>
      <td className="wall-number">
        {queue.mode === "automated"
          ? t("queues.lines", { count: queue.calls, of: queue.lines })
          : `${queue.agents_ready}/${queue.agents_at_work}`}
      </td>
      <td className="wall-number">
        {shown(queue.contact) ?? t("none")}
        {queue.contact.of > 0 && <span className="wall-detail">{t("share", { count: queue.contact.count, of: queue.contact.of })}</span>}
      </td>
      <td className="wall-number">
        {queue.near_limit && <Tag color="red">▲ {t("queues.near")}</Tag>}
        {abandoned ?? t("none")}
        {queue.limit !== null && <span className="wall-detail">{t("figures.limit", { limit: percent(queue.limit) })}</span>}
      </td>
    </tr>
  );
});
