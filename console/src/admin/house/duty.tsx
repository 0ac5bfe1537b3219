// The duty roster of a department: who is there now, the coming two weeks, gaps, substitutes.
import { Alert, Button, Input, Modal, Popconfirm, Select, Space, Table, Tag, TimePicker } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { DayField } from "@/shown/DayField";
import { clock, day, dayAndClock, instantAt, isoDay } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { useTold } from "./told";
import "./words";

type Shift = Shape["ShiftAnswer"];

const EVERY = "*";
const ROLES = ["nurse", "doctor", "head"] as const;
const WEEKS = 14;
const DAY_MS = 86_400_000;

export default function Duty() {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const enters = useHasRole("admin", "supervisor");
  const departments = $api.useQuery("get", "/api/v1/duty/departments");
  const [department, setDepartment] = useState(EVERY);
  const [from, setFrom] = useState(() => isoDay(new Date()));
  const [open, setOpen] = useState<{ shift?: Shift }>();
  const starts_at = instantAt(from, "00:00");
  const ends_at = new Date(Date.parse(starts_at) + WEEKS * DAY_MS).toISOString();
  const roster = $api.useQuery("get", "/api/v1/duty", { params: { query: { department, starts_at, ends_at } } });
  const withdraw = $api.useMutation("post", "/api/v1/duty/shifts/{shift_id}/withdraw", {
    onSuccess: () => told.done(t("duty.withdrawn"), "/duty"),
    onError: told.failed,
  });
  const back = $api.useMutation("post", "/api/v1/duty/shifts/{shift_id}/substitutes/{substitute_id}/withdraw", {
    onSuccess: () => told.done(t("duty.withdrawn"), "/duty"),
    onError: told.failed,
  });
  return (
    <>
      <div className="admin-row">
        <Select
          showSearch
          aria-label={t("duty.department")}
          style={{ width: 220 }}
          value={department}
          onChange={setDepartment}
          options={[{ value: EVERY, label: t("duty.every") }, ...(departments.data?.departments ?? []).map((name) => ({ value: name, label: name }))]}
        />
        <DayField aria-label={t("duty.from")} value={from} allowClear={false} onChange={(chosen) => chosen && setFrom(chosen)} />
        {enters && (
          <Button type="primary" style={{ marginInlineStart: "auto" }} onClick={() => setOpen({})}>
            {t("duty.add")}
          </Button>
        )}
      </div>
      <Loaded query={roster}>
        {(found) => (
          <>
            <p>
              <strong>{t("duty.now")}</strong>{" "}
              {found.now.length === 0
                ? t("duty.nobody")
                : found.now.map((one) => (
                    <Tag key={one.shift_id + one.role} color="success">
                      {t(`duty.roles.${one.role}`)} {one.name} {one.phone}
                    </Tag>
                  ))}
            </p>
            {found.gaps.length > 0 && (
              <Alert
                type="warning"
                showIcon
                style={{ marginBottom: 12 }}
                title={t("duty.gaps", { count: found.gaps.length })}
                description={
                  <ul>
                    {found.gaps.slice(0, 6).map((gap) => (
                      <li key={gap.role + gap.starts_at}>
                        {t(`duty.roles.${gap.role}`)}: {dayAndClock(gap.starts_at)} – {dayAndClock(gap.ends_at)}
                      </li>
                    ))}
                    {found.gaps.length > 6 && <li>{t("duty.more_gaps", { count: found.gaps.length - 6 })}</li>}
                  </ul>
                }
              />
            )}
            <Table<Shift>
              size="small"
              rowKey="id"
              dataSource={found.shifts}
              locale={{ emptyText: t("duty.none") }}
              pagination={{ pageSize: 20, showSizeChanger: false, hideOnSinglePage: true }}
              columns={[
                {
                  title: t("duty.when"),
                  key: "when",
                  width: 330,
                  render: (_, shift) => (
                    <>
                      {dayAndClock(shift.starts_at)} – {day(shift.starts_at) === day(shift.ends_at) ? clock(shift.ends_at) : dayAndClock(shift.ends_at)}
                    </>
                  ),
                },
                { title: t("duty.role"), key: "role", width: 120, render: (_, shift) => t(`duty.roles.${shift.role}`) },
                {
                  title: t("duty.person"),
                  key: "person",
                  render: (_, shift) => (
                    <>
                      <span>
                        {shift.name} {shift.phone}
                      </span>
                      {shift.department === EVERY && department !== EVERY && <span className="admin-quiet"> · {t("duty.every")}</span>}
                      {shift.withdrawn_at && <Tag>{t("duty.was_withdrawn")}</Tag>}
                      {shift.substitutes
                        .filter((one) => !one.withdrawn_at)
                        .map((one) => (
                          <div key={one.id}>
                            <Tag color="blue">{t("duty.substitute")}</Tag>
                            {one.name} {one.phone} {dayAndClock(one.starts_at)} – {dayAndClock(one.ends_at)} {one.reason}
                            {enters && (
                              <Button
                                type="link"
                                size="small"
                                onClick={() => back.mutate({ params: { path: { shift_id: shift.id, substitute_id: one.id } } })}
                              >
                                {t("duty.take_back")}
                              </Button>
                            )}
                          </div>
                        ))}
                    </>
                  ),
                },
                {
                  title: t("actions"),
                  key: "actions",
                  width: 180,
                  render: (_, shift) =>
                    enters &&
                    !shift.withdrawn_at && (
                      <Space size={4}>
                        <Button size="small" onClick={() => setOpen({ shift })}>
                          {t("duty.stand_in")}
                        </Button>
                        <Popconfirm
                          title={t("duty.withdraw_ask")}
                          okText={t("duty.withdraw")}
                          onConfirm={() => withdraw.mutate({ params: { path: { shift_id: shift.id } } })}
                        >
                          <Button size="small" danger>
                            {t("duty.withdraw")}
                          </Button>
                        </Popconfirm>
                      </Space>
                    ),
                },
              ]}
            />
          </>
        )}
      </Loaded>
      {open && <ShiftForm department={department} shift={open.shift} from={from} close={() => setOpen(undefined)} />}
    </>
  );
}

function ShiftForm({ department, shift, from, close }: { department: string; shift?: Shift; from: string; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const [role, setRole] = useState<Shift["role"]>("nurse");
  const [of, setOf] = useState(department);
  const [starts, setStarts] = useState(shift ? { day: isoDay(shift.starts_at), clock: clock(shift.starts_at) } : { day: from, clock: "08:00" });
  const [ends, setEnds] = useState(shift ? { day: isoDay(shift.ends_at), clock: clock(shift.ends_at) } : { day: from, clock: "20:00" });
  const [days, setDays] = useState(1);
  const [name, setName] = useState("");
  const [phone, setPhone] = useState("");
  const [reason, setReason] = useState("");
  const ended = {
    onSuccess: () => {
      told.done(t(shift ? "duty.stands_in" : "duty.entered", { name }), "/duty");
      close();
    },
    onError: told.failed,
  };
  const enter = $api.useMutation("post", "/api/v1/duty/shifts", ended);
  const substitute = $api.useMutation("post", "/api/v1/duty/shifts/{shift_id}/substitutes", ended);
  function save() {
    const starts_at = instantAt(starts.day, starts.clock);
    const ends_at = instantAt(ends.day, ends.clock);
    if (shift) {
      substitute.mutate({ params: { path: { shift_id: shift.id } }, body: { starts_at, ends_at, name, phone, reason } });
      return;
    }
    const later = (instant: string, by: number) => {
      const shiftedDay = new Date(Date.parse(`${isoDay(instant)}T00:00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);
      return instantAt(shiftedDay, clock(instant));
    };
    const shifts = Array.from({ length: days }, (_, by) => ({
      department: of.trim() || EVERY,
      role,
      starts_at: later(starts_at, by),
      ends_at: later(ends_at, by),
      name,
      phone,
    }));
    enter.mutate({ body: { shifts } });
  }
  const when = (id: string, label: string, value: { day: string; clock: string }, set: (value: { day: string; clock: string }) => void) => (
    <div>
      <label htmlFor={id}>{label}</label>
      <Space.Compact block>
        <DayField id={id} value={value.day} allowClear={false} onChange={(chosen) => chosen && set({ ...value, day: chosen })} />
        <TimePicker
          aria-label={`${label} ${t("duty.clock")}`}
          format="HH:mm"
          minuteStep={5}
          needConfirm={false}
          allowClear={false}
          value={dayjs(`2000-01-01T${value.clock}`)}
          onChange={(chosen) => chosen && set({ ...value, clock: chosen.format("HH:mm") })}
        />
      </Space.Compact>
    </div>
  );
  return (
    <Modal
      open
      title={shift ? t("duty.stand_in_title", { name: shift.name }) : t("duty.add")}
      okText={t("save")}
      okButtonProps={{ disabled: !name.trim() || !phone.trim() || !starts.day || !ends.day || !starts.clock || !ends.clock }}
      confirmLoading={enter.isPending || substitute.isPending}
      onCancel={close}
      onOk={save}
    >
      <div className="admin-fields" style={{ gap: 12 }}>
        {!shift && (
          <>
            <div>
              <label htmlFor="shift-department">{t("duty.department_or_every")}</label>
              <Input id="shift-department" value={of} onChange={(event) => setOf(event.target.value)} />
            </div>
            <div>
              <label htmlFor="shift-role">{t("duty.role")}</label>
              <Select
                id="shift-role"
                style={{ width: "100%" }}
                value={role}
                onChange={setRole}
                options={ROLES.map((one) => ({ value: one, label: t(`duty.roles.${one}`) }))}
              />
            </div>
          </>
        )}
        {when("shift-starts", t("duty.starts"), starts, setStarts)}
        {when("shift-ends", t("duty.ends"), ends, setEnds)}
        <div>
          <label htmlFor="shift-name">{t("duty.person")}</label>
          <Input id="shift-name" value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
        </div>
        <div>
          <label htmlFor="shift-phone">{t("duty.phone")}</label>
          <Input id="shift-phone" inputMode="tel" value={phone} maxLength={40} onChange={(event) => setPhone(event.target.value)} />
        </div>
        {shift ? (
          <div className="wide">
            <label htmlFor="shift-reason">{t("reason")}</label>
            <Input id="shift-reason" value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </div>
        ) : (
          <div>
            <label htmlFor="shift-days">{t("duty.days")}</label>
            <Input id="shift-days" type="number" min={1} max={62} value={days} onChange={(event) => setDays(Math.min(62, Math.max(1, Number(event.target.value) || 1)))} />
          </div>
        )}
      </div>
    </Modal>
  );
}
