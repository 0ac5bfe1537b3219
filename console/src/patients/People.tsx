// Who may hear what, who cares for him, his cards and household, and what each source says of him himself.
import { Alert, Checkbox, Form, Input, InputNumber, Select, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "@tanstack/react-router";
import { $api, api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { day, dayAndClock } from "@/shown/instants";
import { said } from "@/words";
import { choices, word } from "./codes";
import { Because, Command, lookAgain, ReasonField, TextField } from "./Command";
import { Block } from "./Now";
import type { PartProps } from "./parts";

interface Props {
  patientId: string;
}

export default function People({ patientId }: PartProps) {
  return (
    <div className="record-grid">
      <Relatives patientId={patientId} />
      <Team patientId={patientId} />
      <CardsAndHousehold patientId={patientId} />
      <Links patientId={patientId} />
      <Stated patientId={patientId} />
    </div>
  );
}

type Relative = Shape["RelativeAnswer"];
type Typed = { name: string; relation: string; number?: string; proof: string; proof_kind: Shape["ProofKind"]; scope?: Shape["Matter"][] };

function RelativeFields({ scoped }: { scoped: boolean }) {
  const { t } = useTranslation("patients");
  return (
    <>
      <TextField name="name" label={t("people.name")} />
      <TextField name="relation" label={t("people.relation")} max={60} />
      <TextField name="number" label={t("people.number")} needed={false} max={40} />
      {scoped && (
        <Form.Item name="scope" label={t("people.scope")}>
          <Checkbox.Group options={choices("matter")} />
        </Form.Item>
      )}
      <Form.Item name="proof_kind" label={t("people.proof_kind")} rules={[{ required: true, message: t("needed") }]}>
        <Select options={choices("proof_kind")} />
      </Form.Item>
      <TextField name="proof" label={t("people.proof")} />
    </>
  );
}

function Relatives({ patientId }: Props) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/relatives", { params });
  return (
    <Block
      title={t("people.relatives")}
      extra={
        <>
          <Command<Typed>
            label={t("people.add_relative")}
            run={({ number, scope, ...rest }) => api.POST("/api/v1/patients/{patient_id}/relatives", { params, body: { ...rest, number: number || null, scope: scope ?? [] } })}
          >
            <RelativeFields scoped />
          </Command>
          <Command<Typed>
            label={t("people.add_guardian")}
            run={({ name, relation, number, proof, proof_kind }) =>
              api.POST("/api/v1/patients/{patient_id}/guardians", { params, body: { name, relation, proof, proof_kind, number: number || null } })
            }
          >
            <RelativeFields scoped={false} />
          </Command>
        </>
      }
    >
      <Loaded query={found} isEmpty={(each) => each.relatives.length === 0} empty={t("people.no_relatives")}>
        {({ relatives }) => (
          <ul className="record-lines">
            {relatives.map((one) => (
              <OneRelative key={one.id} one={one} />
            ))}
          </ul>
        )}
      </Loaded>
    </Block>
  );
}

function OneRelative({ one }: { one: Relative }) {
  const { t } = useTranslation("patients");
  return (
    <li>
      <strong className={one.ended_at ? "record-past" : undefined}>{one.name}</strong> ({one.relation}) {one.guardian && <Tag color="blue">{t("people.guardian")}</Tag>}
      <div className="quiet">
        {one.guardian ? "" : `${t("people.scope")}: ${one.scope.map((matter) => word("matter", matter)).join(", ") || t("none")}`}
        {one.proof_kind && ` ${word("proof_kind", one.proof_kind)} ${one.proof}`}
        {one.expires_at && ` · ${t("people.expires", { day: day(one.expires_at) })}`}
        {one.ended_at && ` · ${t("people.ended", { day: day(one.ended_at) })}`}
      </div>
      {!one.ended_at && (
        <span className="record-acts">
          <Command
            label={t("people.end")}
            title={t("people.end_for", { name: one.name })}
            about={t("people.end_about")}
            button={{ type: "link", danger: true }}
            run={() => api.POST("/api/v1/relatives/{relative_id}/end", { params: { path: { relative_id: one.id } } })}
          />
        </span>
      )}
    </li>
  );
}

function Team({ patientId }: Props) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const team = $api.useQuery("get", "/api/v1/patients/{patient_id}/care-team", { params });
  const departments = $api.useQuery("get", "/api/v1/duty/departments", {}, { staleTime: 600_000 });
  return (
    <Block
      title={t("people.team")}
      extra={
        <Command<{ department: string; role: string; reason: string }>
          label={t("people.add_member")}
          run={(body) => api.POST("/api/v1/patients/{patient_id}/care-team", { params, body })}
        >
          <Form.Item name="department" label={t("people.department")} rules={[{ required: true, message: t("needed") }]}>
            <Select showSearch options={(departments.data?.departments ?? []).map((name) => ({ value: name, label: name }))} />
          </Form.Item>
          <TextField name="role" label={t("people.role")} max={100} />
          <ReasonField />
        </Command>
      }
    >
      <Loaded query={team}>
        {(found) => (
          <>
            {found.your_ground && <p>{t("people.your_ground", { ground: word("ground", found.your_ground) })}</p>}
            {found.departments.length > 0 && <p className="quiet">{t("people.departments", { names: found.departments.join(", ") })}</p>}
            <ul className="record-lines">
              {found.members.map((one) => {
                const name = one.department ?? one.user_name ?? one.role;
                return (
                  <li key={one.id} className={one.until ? "record-past" : undefined}>
                    {name} <span className="quiet">{[one.role, one.reason, t("since", { day: day(one.since) })].join(" · ")}</span>
                    {!one.until && (
                      <span className="record-acts">
                        <Because
                          label={t("people.member_end")}
                          title={t("people.member_end_for", { name })}
                          button={{ type: "link", danger: true }}
                          run={(reason) => api.POST("/api/v1/care-team-members/{member_id}/ended", { params: { path: { member_id: one.id } }, body: { reason } })}
                        />
                      </span>
                    )}
                  </li>
                );
              })}
            </ul>
          </>
        )}
      </Loaded>
    </Block>
  );
}

function CardsAndHousehold({ patientId }: Props) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const cards = $api.useQuery("get", "/api/v1/patients/{patient_id}/cards", { params });
  const household = $api.useQuery("get", "/api/v1/patients/{patient_id}/household", { params });
  const words = $api.useQuery("get", "/api/v1/enrollment-words", {}, { staleTime: Infinity });
  return (
    <Block title={`${t("people.cards")} · ${t("people.household")}`}>
      <Loaded query={cards}>
        {({ cards: found }) => (
          <>
            {found.length === 0 && <p className="quiet">{t("people.no_cards")}</p>}
            <ul className="record-lines">
              {found.map((one) => (
                <li key={one.id}>
                  {words.data && said(words.data.card_kinds[one.kind])} {one.number} <Tag color={one.state === "active" ? "green" : undefined}>{words.data ? said(words.data.card_states[one.state]) : ""}</Tag>
                  <span className="quiet">{t("since", { day: day(one.state_since) })}</span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <Loaded query={household}>
        {({ household: found }) =>
          found === null ? (
            <p className="quiet">{t("people.no_household")}</p>
          ) : (
            <>
              <h3>{found.name}</h3>
              <ul className="record-lines">
                {found.members.map((one) => (
                  <li key={one.patient_id + one.joined_at}>
                    {one.patient_id === patientId ? (
                      one.name
                    ) : (
                      <Link to="/patients/$patientId" params={{ patientId: one.patient_id }}>
                        {one.name}
                      </Link>
                    )}{" "}
                    <span className="quiet">{[words.data && said(words.data.household_roles[one.role]), one.left_at && t("people.left")].filter(Boolean).join(" · ")}</span>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Loaded>
    </Block>
  );
}

function Links({ patientId }: Props) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const [address, setAddress] = useState<string | null>(null);
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/record-links", { params });
  const open = found.data?.links.some((one) => one.ended_at === null) ?? false;
  return (
    <Block
      title={t("people.links")}
      extra={
        <>
          <Command<{ hours: number; deliver?: boolean }>
            label={t("people.make_link")}
            about={t("people.link_about")}
            initial={{ hours: 72, deliver: true }}
            run={async ({ hours, deliver }) => {
              const { data } = await api.POST("/api/v1/patients/{patient_id}/record-links", { params, body: { hours, deliver: deliver ?? false } });
              setAddress(data?.address ?? null);
              return deliver ? t("people.sent") : undefined;
            }}
          >
            <Form.Item name="hours" label={t("people.hours")} rules={[{ required: true, message: t("needed") }]}>
              <InputNumber min={1} max={168} precision={0} />
            </Form.Item>
            <Form.Item name="deliver" valuePropName="checked">
              <Checkbox>{t("people.deliver")}</Checkbox>
            </Form.Item>
          </Command>
          {open && (
            <Command
              label={t("people.end_links")}
              button={{ danger: true }}
              run={async () => {
                await api.POST("/api/v1/patients/{patient_id}/record-links/end", { params });
                setAddress(null);
              }}
            />
          )}
        </>
      }
    >
      {address && <Alert type="success" title={t("people.made")} description={<Input readOnly value={address} aria-label={t("people.made")} onFocus={(event) => event.target.select()} />} closable={{ onClose: () => setAddress(null) }} />}
      <Loaded query={found} isEmpty={({ links }) => links.length === 0} empty={t("people.no_links")}>
        {({ links }) => (
          <ul className="record-lines">
            {links.map((one) => (
              <li key={one.id}>
                {day(one.created_at)} ·{" "}
                {one.ended_at ? t("people.link_ended") : one.opened_at ? t("people.link_opened", { at: dayAndClock(one.opened_at) }) : t("people.link_waits", { at: dayAndClock(one.expires_at) })}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Block>
  );
}

function Stated({ patientId }: Props) {
  const { t } = useTranslation("patients");
  const params = { path: { patient_id: patientId } };
  const found = $api.useQuery("get", "/api/v1/patients/{patient_id}/stated-values", { params });
  return (
    <Block title={t("people.said")} wide>
      <Loaded query={found}>
        {({ fields }) => (
          <ul className="record-lines">
            {fields.map((one) => {
              const value = (text: string | null) => (one.field === "sex" || one.field === "language" ? word(one.field, text) : (text ?? "–"));
              return (
                <li key={one.field}>
                  {said(one.title)}: <strong>{value(one.holds?.value ?? null)}</strong> <span className="quiet">{one.holds && said(one.holds.source_title)}</span>
                  {one.others.length > 0 && <Tag color="gold">{t("people.differs", { words: one.others.map((other) => `${said(other.source_title)} ${value(other.value)}`).join(", ") })}</Tag>}
                  <span className="record-acts">
                    <Command<{ value: string; reason: string }>
                      label={t("people.correct")}
                      title={t("people.correct_for", { field: said(one.title) })}
                      button={{ type: "link" }}
                      initial={{ value: one.holds?.value ?? "" }}
                      run={async ({ value: right, reason }) => {
                        await api.POST("/api/v1/patients/{patient_id}/corrections", { params, body: { field: one.field, value: right, reason } });
                        lookAgain();
                      }}
                    >
                      {one.field === "sex" || one.field === "language" ? (
                        <Form.Item name="value" label={t("people.right_value")}>
                          <Select options={choices(one.field)} />
                        </Form.Item>
                      ) : one.field === "born" ? (
                        <Form.Item name="value" label={t("people.right_value")}>
                          <Input type="date" />
                        </Form.Item>
                      ) : (
                        <TextField name="value" label={t("people.right_value")} />
                      )}
                      <ReasonField />
                    </Command>
                  </span>
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </Block>
  );
}
