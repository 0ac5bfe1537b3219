// What he agreed to, what he objected to, when and how he wants to be reached.
import { Alert, Form, Input, Radio, Select, Tag } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock, span } from "@/shown/instants";
import { choices, word } from "./codes";
import { masked } from "./masked";
import { Because, Command, ReasonField, TextField } from "./Command";
import { Block } from "./Now";
import type { PartProps } from "./parts";

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

export default function Consents({ patientId }: PartProps) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const consents = $api.useQuery("get", "/api/v1/patients/{patient_id}/consents", { params });
  return (
    <div className="record-grid">
      <Block
        title={t("consents.title")}
        extra={
          <Command<{ purpose: Shape["Purpose"]; scope: Shape["ConsentScope"]; granted: boolean; source: string }>
            label={t("consents.record")}
            initial={{ purpose: "care", scope: "phone", granted: true }}
            run={(body) => api.POST("/api/v1/patients/{patient_id}/consents", { params, body })}
          >
            <Form.Item name="purpose" label={t("consents.purpose")}>
              <Select options={choices("purpose")} />
            </Form.Item>
            <Form.Item name="scope" label={t("consents.scope")}>
              <Select options={choices("scope")} />
            </Form.Item>
            <Form.Item name="granted" label={t("consents.granted")}>
              <Radio.Group
                options={[
                  { value: true, label: t("consents.given") },
                  { value: false, label: t("consents.refused") },
                ]}
              />
            </Form.Item>
            <TextField name="source" label={t("consents.source")} max={100} />
          </Command>
        }
      >
        <Loaded query={consents} isEmpty={(found) => found.consents.length === 0} empty={t("consents.none")}>
          {({ consents: found }) => (
            <ul className="record-lines">
              {found.map((one) => (
                <li key={one.id}>
                  <Tag color={one.granted ? "green" : "error"}>{t(one.granted ? "consents.given" : "consents.refused")}</Tag>
                  {word("purpose", one.purpose)} · {word("scope", one.scope)}{" "}
                  <span className="quiet">{[day(one.recorded_at), one.at_second === null ? "" : t("consents.at_second", { time: span(one.at_second) })].filter(Boolean).join(" · ")}</span>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Block>
      <DoNotCall patientId={patientId} closed={consents.data?.do_not_call} />
      <Hours patientId={patientId} />
      <Preference patientId={patientId} />
    </div>
  );
}

function DoNotCall({ patientId, closed }: { patientId: string; closed: boolean | undefined }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const objections = $api.useQuery("get", "/api/v1/patients/{patient_id}/do-not-call", { params });
  const exceptions = $api.useQuery("get", "/api/v1/patients/{patient_id}/exceptions", { params });
  return (
    <Block
      title={t("consents.dnc")}
      extra={
        closed ? (
          <Command label={t("consents.reopen")} about={t("consents.reopen_about")} run={() => api.DELETE("/api/v1/patients/{patient_id}/do-not-call", { params })} />
        ) : (
          <>
            <Command<{ purposes?: Shape["Purpose"][]; source: Shape["ObjectionSource"]; reason: string }>
              label={t("consents.object")}
              initial={{ source: "call" }}
              run={({ purposes, source, reason }) => api.POST("/api/v1/patients/{patient_id}/objections", { params, body: { purposes: purposes ?? [], source, reason } })}
            >
              <Form.Item name="purposes" label={t("consents.purpose")}>
                <Select mode="multiple" placeholder={t("consents.all_purposes")} options={choices("purpose")} />
              </Form.Item>
              <Form.Item name="source" label={t("consents.source")}>
                <Select options={choices("objection_source")} />
              </Form.Item>
              <ReasonField />
            </Command>
            <Command<{ source: Shape["ObjectionSource"]; reason: string }>
              label={t("consents.close")}
              about={t("consents.close_about")}
              button={{ danger: true }}
              initial={{ source: "call" }}
              run={(body) => api.PUT("/api/v1/patients/{patient_id}/do-not-call", { params, body })}
            >
              <Form.Item name="source" label={t("consents.source")}>
                <Select options={choices("objection_source")} />
              </Form.Item>
              <ReasonField />
            </Command>
          </>
        )
      }
    >
      {closed !== undefined && <Alert type={closed ? "error" : "success"} showIcon title={t(closed ? "consents.dnc_on" : "consents.dnc_off")} />}
      <h3>{t("consents.objections")}</h3>
      <Loaded query={objections}>
        {({ entries }) => (
          <>
            {entries.length === 0 && <p className="quiet">{t("consents.no_objections")}</p>}
            <ul className="record-lines">
              {entries.map((one) => (
                <li key={one.id}>
                  <Tag color={one.lifted_at ? undefined : "error"}>{one.purpose ? word("purpose", one.purpose) : t("consents.all_purposes")}</Tag>
                  {one.reason} <span className="quiet">{[word("objection_source", one.source), day(one.since), one.number && masked(one.number)].filter(Boolean).join(" · ")}</span>
                  {one.lifted_at && <div className="quiet">{t("consents.lifted", { day: day(one.lifted_at), why: one.lifted_because })}</div>}
                  {!one.lifted_at && (
                    <span className="record-acts">
                      <Because
                        label={t("consents.reopen")}
                        button={{ type: "link" }}
                        about={t("consents.reopen_about")}
                        run={(reason) => api.POST("/api/v1/objections/{objection_id}/lift", { params: { path: { objection_id: one.id } }, body: { reason } })}
                      />
                    </span>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      {exceptions.data && exceptions.data.exceptions.length > 0 && (
        <>
          <h3>{t("consents.exceptions")}</h3>
          <ul className="record-lines">
            {exceptions.data.exceptions.map((one) => (
              <li key={one.id} className={one.ended_at ? "record-past" : undefined}>
                {t("consents.exception", { doctor: one.doctor, day: day(one.expires_at), reason: one.reason })}
              </li>
            ))}
          </ul>
        </>
      )}
    </Block>
  );
}

function Hours({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const hours = $api.useQuery("get", "/api/v1/patients/{patient_id}/own-hours", { params });
  return (
    <Block
      title={t("consents.hours")}
      extra={
        <>
          {hours.data && hours.data.spans.length > 0 && (
            <Command label={t("consents.drop_hours")} run={() => api.DELETE("/api/v1/patients/{patient_id}/own-hours", { params })} />
          )}
          <Command<{ start: string; end: string; source: string }>
            label={t("consents.set_hours")}
            run={({ start, end, source }) => api.PUT("/api/v1/patients/{patient_id}/own-hours", { params, body: { source, spans: [{ start, end, weekdays: EVERY_DAY }], wish: true } })}
          >
            <Form.Item name="start" label={t("consents.from")} rules={[{ required: true, message: t("needed") }]}>
              <Input type="time" />
            </Form.Item>
            <Form.Item name="end" label={t("consents.to")} rules={[{ required: true, message: t("needed") }]}>
              <Input type="time" />
            </Form.Item>
            <TextField name="source" label={t("consents.source")} max={100} />
          </Command>
        </>
      }
    >
      <Loaded query={hours}>
        {({ spans, next_opening: next }) =>
          spans.length === 0 ? (
            <p className="quiet">{t("consents.no_hours")}</p>
          ) : (
            <p>
              {spans.map((one) => `${one.start.slice(0, 5)}–${one.end.slice(0, 5)}`).join(", ")} {next && <span className="quiet">{t("plans.earliest") + " " + dayAndClock(next)}</span>}
            </p>
          )
        }
      </Loaded>
    </Block>
  );
}

function Preference({ patientId }: { patientId: string }) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/contact-preference", { params });
  return (
    <Block
      title={t("consents.preference")}
      extra={
        found.data && (
          <Command<Pick<Shape["PreferenceAsk"], "channel" | "hearing" | "part_of_day" | "source">>
            label={t("consents.change")}
            title={t("consents.preference")}
            initial={{ hearing: found.data.hearing, part_of_day: found.data.part_of_day, channel: found.data.channel }}
            run={(body) => api.PUT("/api/v1/patients/{patient_id}/contact-preference", { params, body })}
          >
            <Form.Item name="hearing" label={t("consents.hearing")}>
              <Select options={choices("hearing")} />
            </Form.Item>
            <Form.Item name="part_of_day" label={t("consents.part_of_day")}>
              <Select options={choices("part_of_day")} />
            </Form.Item>
            <Form.Item name="channel" label={t("consents.channel")}>
              <Select options={choices("preferred_channel")} />
            </Form.Item>
            <TextField name="source" label={t("consents.source")} max={100} />
          </Command>
        )
      }
    >
      <Loaded query={found}>
        {(one) => (
          <p>
            {word("hearing", one.hearing)} · {word("part_of_day", one.part_of_day)} · {word("preferred_channel", one.channel)}
          </p>
        )}
      </Loaded>
    </Block>
  );
}
