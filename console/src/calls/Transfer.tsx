// Whom the patient is passed on to: on-duty people first, colleagues, the directory, another number of his, or a typed one.
import { Button, Input, Segmented } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { lookAtCall, useCall, type Call } from "./call";
import { useTold } from "./commands";
import { closePanel } from "./panel";

type Mode = Shape["TransferMode"];
type Target = Omit<Shape["TransferAsk"], "mode">;

export function useTransfer(call: Call) {
  const told = useTold();
  const begin = $api.useMutation("post", "/api/v1/calls/{call_id}/transfers", {
    onSuccess: closePanel,
    onError: told,
    onSettled: () => void lookAtCall(),
  });
  return {
    busy: begin.isPending,
    begin: (mode: Mode, target: Target) => begin.mutate({ params: { path: { call_id: call.id } }, body: { mode, ...target } }),
  };
}

export function useTargets(call: Call) {
  return $api.useQuery("get", "/api/v1/calls/{call_id}/transfer-targets", { params: { path: { call_id: call.id } } }, { staleTime: 5000 });
}

export function Transfer({ call }: { call: Call }) {
  const { t } = useTranslation("calls");
  const [mode, setMode] = useState<Mode>("consult");
  const [wanted, setWanted] = useState("");
  const { own } = useCall();
  const { begin, busy } = useTransfer(call);
  const numbers = (own?.numbers ?? []).filter((each) => !each.dialed && !each.do_not_call && each.quality !== "wrong");
  const typed = wanted.trim();
  const fits = (...texts: string[]) => typed === "" || texts.some((text) => text.toLowerCase().includes(typed.toLowerCase()));
  return (
    <Loaded query={useTargets(call)}>
      {(targets) => (
        <>
          <Segmented
            block
            name={t("transfer.mode")}
            value={mode}
            onChange={setMode}
            options={[
              { value: "consult", label: t("transfer.consult") },
              { value: "blind", label: t("transfer.blind") },
            ]}
          />
          <Input
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
            aria-label={t(targets.free_numbers ? "transfer.find_or_number" : "transfer.find")}
            placeholder={t(targets.free_numbers ? "transfer.find_or_number" : "transfer.find")}
            allowClear
          />
          {targets.free_numbers && /^[+0-9][0-9 -]{1,18}$/.test(typed) && (
            <Button block type="primary" disabled={busy} onClick={() => begin(mode, { number: typed })}>
              {t("transfer.ring", { number: typed })}
            </Button>
          )}
          <div className="targets">
            <Group title={t("transfer.on_duty")}>
              {targets.on_duty
                .filter((each) => fits(each.name))
                .map((each) => (
                  <Button key={each.shift_id} block disabled={busy} onClick={() => begin(mode, { duty_shift_id: each.shift_id })}>
                    {t(`duty.${each.role}`)} {each.name} {each.number}
                  </Button>
                ))}
            </Group>
            <Group title={t("transfer.colleagues")}>
              {targets.colleagues
                .filter((each) => fits(each.name))
                .map((each) => (
                  <Button key={each.agent_id} block disabled={busy || !each.ready} onClick={() => begin(mode, { agent_id: each.agent_id })}>
                    {each.name} · {t(`states.${each.state}`)}
                  </Button>
                ))}
            </Group>
            <Group title={t("transfer.directory")}>
              {targets.directory
                .filter((each) => fits(each.name, each.number))
                .map((each) => (
                  <Button key={each.id} block disabled={busy} onClick={() => begin(mode, { directory_id: each.id })}>
                    {each.name} {each.number}
                  </Button>
                ))}
            </Group>
            <Group title={t("transfer.his_numbers")}>
              {numbers
                .filter((each) => fits(each.number, each.label))
                .map((each) => (
                  <Button key={each.id} block disabled={busy} onClick={() => begin(mode, { contact_point_id: each.id })}>
                    {t(`owners.${each.owner}`)} {each.label} {each.number}
                  </Button>
                ))}
            </Group>
          </div>
        </>
      )}
    </Loaded>
  );
}

function Group({ title, children }: { title: string; children: ReactNode[] }) {
  const { t } = useTranslation("calls");
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {children.length > 0 ? children : <p className="none">{t("transfer.nobody")}</p>}
    </section>
  );
}
