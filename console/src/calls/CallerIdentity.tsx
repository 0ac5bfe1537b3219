// Who rings: one of those who have this number, or somebody found by what he says; shown by two facts that he gives by himself.
import { Button, Checkbox, Input, Radio } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, queries, type Shape } from "@/api/client";
import { lookAtCall } from "./call";
import { useTold } from "./commands";
import type { Caller } from "./inbound";

const FACTS = ["name", "born", "record_number", "id_number", "address"] as const;

type Fact = Shape["CallerIdentityAsk"]["identifiers"][number];

interface Candidate {
  patient_id: string;
  name: string;
  born: string | null;
  record_number: string;
}

export function CallerIdentity({ caller }: { caller: Caller }) {
  const { t } = useTranslation("calls");
  const told = useTold();
  const [chosen, setChosen] = useState("");
  const [facts, setFacts] = useState<Fact[]>([]);
  const [person, setPerson] = useState<"patient" | "proxy">("patient");
  const [known, setKnown] = useState("");
  const found = $api.useMutation("post", "/api/v1/patients/search", { onError: told });
  const link = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/link", { onError: told, onSettled: look });
  const say = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/identity", {
    onError: told,
    onSuccess: (after) => {
      look();
      if (after.identity_confirmed_at) link.mutate({ params: { path: { inbound_id: caller.id } }, body: {} });
    },
  });
  const others: Candidate[] = (found.data?.patients ?? [])
    .filter((each) => !caller.people.some((one) => one.patient_id === each.id))
    .map((each) => ({ patient_id: each.id, name: each.name, born: each.born, record_number: each.record_number }));
  const people: Candidate[] = [...caller.people, ...others];
  const send = (confirmed: boolean) =>
    say.mutate({ params: { path: { inbound_id: caller.id } }, body: { patient_id: chosen, confirmed, person, identifiers: facts } });
  return (
    <div className="strip identity">
      <fieldset>
        <legend>{t("inbound.who")}</legend>
        <Radio.Group value={chosen} onChange={(event) => setChosen(String(event.target.value))}>
          {people.map((each) => (
            <Radio key={each.patient_id} value={each.patient_id}>
              {each.name} {each.born ?? ""} {each.record_number}
            </Radio>
          ))}
        </Radio.Group>
        <Input.Search
          className="find"
          value={known}
          onChange={(event) => setKnown(event.target.value)}
          onSearch={(text) => text.trim() && found.mutate({ body: { containing: text.trim(), limit: 5 } })}
          loading={found.isPending}
          aria-label={t("inbound.find")}
          placeholder={t("inbound.find")}
        />
      </fieldset>
      <fieldset>
        <legend>{t("inbound.facts")}</legend>
        <Checkbox.Group value={facts} onChange={setFacts} options={FACTS.map((fact) => ({ value: fact, label: t(`facts.${fact}`) }))} />
      </fieldset>
      <Checkbox checked={person === "proxy"} onChange={(event) => setPerson(event.target.checked ? "proxy" : "patient")}>
        {t("inbound.proxy")}
      </Checkbox>
      <Button type="primary" disabled={!chosen || facts.length < 2} loading={say.isPending || link.isPending} onClick={() => send(true)}>
        {t("inbound.confirm")}
      </Button>
      <Button disabled={!chosen || facts.length < 1} onClick={() => send(false)}>
        {t("inbound.wrong")}
      </Button>
    </div>
  );
}

function look(): void {
  void lookAtCall();
  void queries.refetchQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/inbound-calls") });
}
