// The year's calendar: what is not as its weekday says. A day is changed by choosing it.
import { Alert, Button, Input, InputNumber, Modal, Radio, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { useHasRole } from "@/api/me";
import { isoDay } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { monthsOf, weekdayOf } from "./year";
import { useTold } from "./told";
import "./words";

type Year = Shape["CalendarAnswer"];
type Kind = Year["days"][number]["kind"] | "as_weekday";

export default function Calendar() {
  const { t, i18n } = useTranslation("admin_house");
  const today = isoDay(new Date());
  const regions = $api.useQuery("get", "/api/v1/calendars");
  const [chosen, setRegion] = useState<string>();
  const region = chosen ?? (regions.data?.regions.includes("CN") ? "CN" : (regions.data?.regions[0] ?? "CN"));
  const [year, setYear] = useState(Number(today.slice(0, 4)));
  const calendar = $api.useQuery("get", "/api/v1/calendars/{region}", { params: { path: { region }, query: { year } } });
  const mayEnter = useHasRole("admin");
  const [day, setDay] = useState<string>();
  const months = new Intl.DateTimeFormat(i18n.language === "en" ? "en-GB" : "zh-CN", { month: "long", timeZone: "UTC" });
  return (
    <>
      <div className="admin-row">
        <Select
          aria-label={t("calendar.region")}
          value={region}
          style={{ width: 120 }}
          onChange={setRegion}
          options={[...new Set([region, ...(regions.data?.regions ?? [])])].map((value) => ({ value }))}
        />
        <Button aria-label={t("calendar.previous")} onClick={() => setYear(year - 1)}>
          ‹
        </Button>
        <InputNumber aria-label={t("calendar.year")} min={1900} max={2200} value={year} onChange={(value) => value && setYear(value)} style={{ width: 90 }} />
        <Button aria-label={t("calendar.next")} onClick={() => setYear(year + 1)}>
          ›
        </Button>
        <ul className="year-legend">
          <li>
            <span className="day-holiday">1</span> {t("calendar.kinds.holiday")}
          </li>
          <li>
            <span className="day-make_up">1</span> {t("calendar.kinds.make_up")}
          </li>
          <li>
            <span className="day-off">1</span> {t("calendar.weekend")}
          </li>
        </ul>
      </div>
      <Loaded query={calendar}>
        {(found) => (
          <>
            {!found.known && <Alert type="warning" showIcon title={t("calendar.unknown", { year })} description={mayEnter ? t("calendar.unknown_help") : undefined} />}
            {found.source && <p className="admin-quiet">{t("calendar.source", { source: found.source })}</p>}
            <div className="year">
              {monthsOf(year).map((month) => (
                <section key={month.first} aria-label={months.format(new Date(`${month.first}T00:00:00Z`))}>
                  <h2>{months.format(new Date(`${month.first}T00:00:00Z`))}</h2>
                  <div className="month">
                    {t("calendar.weekdays")
                      .split(" ")
                      .map((name) => (
                        <span key={name} className="weekday" aria-hidden>
                          {name}
                        </span>
                      ))}
                    {month.days.map((date, place) => {
                      const other = found.days.find((one) => one.day === date);
                      const off = found.weekend.includes(weekdayOf(date));
                      const kind = other ? other.kind : off ? "off" : "plain";
                      const words = [Number(date.slice(8)), date, other ? t(`calendar.kinds.${other.kind}`) : off ? t("calendar.weekend") : "", other?.name ?? ""].filter(Boolean).join(" ");
                      return (
                        <button
                          key={date}
                          type="button"
                          style={place === 0 ? { gridColumnStart: weekdayOf(date) } : undefined}
                          className={`day day-${kind}${date === today ? " day-today" : ""}`}
                          aria-label={words}
                          aria-current={date === today ? "date" : undefined}
                          title={words}
                          disabled={!mayEnter}
                          onClick={() => setDay(date)}
                        >
                          {Number(date.slice(8))}
                        </button>
                      );
                    })}
                  </div>
                </section>
              ))}
            </div>
            {day && <DayForm region={region} day={day} calendar={found} close={() => setDay(undefined)} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function DayForm({ region, day, calendar, close }: { region: string; day: string; calendar: Year; close: () => void }) {
  const { t } = useTranslation("admin_house");
  const told = useTold();
  const present = calendar.days.find((one) => one.day === day);
  const [kind, setKind] = useState<Kind>(present?.kind ?? "as_weekday");
  const [name, setName] = useState(present?.name ?? "");
  const ended = {
    onSuccess: () => {
      told.done(t("calendar.saved", { day }), "/calendars");
      close();
    },
    onError: told.failed,
  };
  const enter = $api.useMutation("put", "/api/v1/calendars/{region}/days/{day}", ended);
  const forget = $api.useMutation("delete", "/api/v1/calendars/{region}/days/{day}", ended);
  const path = { region, day };
  const save = () => {
    if (kind !== "as_weekday") enter.mutate({ params: { path }, body: { kind, name } });
    else if (present) forget.mutate({ params: { path } });
    else close();
  };
  return (
    <Modal open title={day} okText={t("save")} confirmLoading={enter.isPending || forget.isPending} onCancel={close} onOk={save}>
      <Radio.Group
        aria-label={t("calendar.kind")}
        value={kind}
        onChange={(event) => setKind(event.target.value as Kind)}
        options={(["holiday", "make_up", "as_weekday"] as const).map((one) => ({ value: one, label: t(`calendar.kinds.${one}`) }))}
      />
      {kind !== "as_weekday" && (
        <p>
          <label htmlFor="day-name">{t("calendar.name")}</label>
          <Input id="day-name" value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
        </p>
      )}
      <p className="admin-quiet">{t("calendar.help")}</p>
    </Modal>
  );
}
