// Who opened, heard, corrected or took out this recording.
import { Table } from "antd";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { clock, dayAndClock } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";

type Access = Shape["AccessAnswer"];

export function AccessLog({ recordingId }: { recordingId: string }) {
  const { t } = useTranslation("recordings");
  const accesses = $api.useQuery("get", "/api/v1/recordings/{recording_id}/accesses", { params: { path: { recording_id: recordingId } } }, { staleTime: 0 });
  const told = (action: string) =>
    i18next.exists(`recordings:actions.${action}`) ? t(`actions.${action}` as "actions.recording_played") : t("actions.other");
  return (
    <div className="tab-scroll">
      <Loaded query={accesses} isEmpty={(log) => !log.accesses.length} empty={t("accesses.none")}>
        {(log) => (
          <Table<Access>
            size="small"
            pagination={{ pageSize: 50, hideOnSinglePage: true, size: "small" }}
            rowKey={(line) => `${line.user_id} ${line.action} ${line.first_at}`}
            dataSource={log.accesses}
            columns={[
              {
                title: t("accesses.at"),
                width: 168,
                render: (_, line) => dayAndClock(line.first_at) + (clock(line.last_at) === clock(line.first_at) ? "" : `–${clock(line.last_at)}`),
              },
              { title: t("accesses.who"), width: 80, render: (_, line) => line.user_name || t("accesses.system") },
              {
                title: t("accesses.what"),
                render: (_, line) => (
                  <>
                    {told(line.action)}
                    {line.times > 1 && ` ×${line.times}`}
                    {line.reason && <div className="list-quiet">{line.reason}</div>}
                  </>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </div>
  );
}
