// Somebody rings us. Offered: who it may be (none, one, several; never chosen silently), take or leave him. The focus stays where it is.
// Talking: who he is by two facts, then it becomes a task's call. Gone: a note of what he wanted.
import { CheckOutlined, CloseOutlined, PhoneOutlined } from "@ant-design/icons";
import { Button, Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, queries } from "@/api/client";
import { KeyButton } from "@/keyboard/KeyButton";
import { Since } from "@/shown/Since";
import { sayAtOnce, sayPolitely } from "@/shown/said_aloud";
import { lookAtCall } from "./call";
import { CallerIdentity } from "./CallerIdentity";
import { useTold } from "./commands";
import type { Caller } from "./inbound";
import { leading } from "./leader";
import { useRinging } from "./useRinging";

export function matchOf(caller: Pick<Caller, "withheld" | "candidates">): "withheld" | "none" | "one" | "many" {
  if (caller.withheld) return "withheld";
  if (caller.candidates === 0) return "none";
  return caller.candidates === 1 ? "one" : "many";
}

export default function CallerLine({ caller }: { caller: Caller }) {
  const { t } = useTranslation("calls");
  const offered = caller.state === "offered";
  const talks = caller.state === "connected";
  useRinging(offered);
  const match = matchOf(caller);
  useEffect(() => {
    if (offered) sayAtOnce(t("inbound.rings", { match: t(`inbound.match.${match}`, { count: caller.candidates }) }));
  }, [offered, match, caller.candidates, t]);
  useEffect(
    () => () => {
      // He is no longer offered: taken, declined, or gone; the desk's own reason says which.
      if (offered) sayPolitely(t("inbound.no_longer"));
    },
    [offered, t],
  );
  return (
    <section className="call-bar caller" aria-label={t("inbound.title")} data-state={caller.state}>
      {talks && <CallerIdentity caller={caller} />}
      <div className="line">
        <div className="who">
          <PhoneOutlined aria-hidden />
          <span className="phase">{t(offered ? "inbound.offered" : talks ? "inbound.talks" : "inbound.gone")}</span>
          <Since instant={caller.connected_at ?? caller.offered_at ?? caller.rang_at} />
          <span className="number">{caller.withheld ? t("inbound.withheld") : caller.number}</span>
          <span className="match" data-match={match}>
            {t(`inbound.match.${match}`, { count: caller.candidates })}
          </span>
          {/* While she talks with him they stand above, to choose from. */}
          {!talks && caller.people.map((person) => (
            <span key={person.patient_id} className="person">
              {person.name} {person.born ?? ""} {person.record_number}
            </span>
          ))}
        </div>
        {offered && <Offered caller={caller} />}
        {talks && <Talking caller={caller} />}
        {caller.state === "ended" && <Note caller={caller} />}
      </div>
    </section>
  );
}

function Offered({ caller }: { caller: Caller }) {
  const { t } = useTranslation("calls");
  const follows = leading((state) => state.follows);
  const told = useTold();
  const path = { params: { path: { inbound_id: caller.id } } };
  const accept = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/accept", { onError: told });
  const decline = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/decline", { onError: told, onSuccess: look });
  return (
    <div className="controls" role="group" aria-label={t("controls")}>
      <KeyButton
        command="answer_or_dial"
        type="primary"
        icon={<PhoneOutlined aria-hidden />}
        disabled={follows}
        loading={accept.isPending || accept.isSuccess}
        onRun={() => accept.mutate(path)}
      >
        {t("inbound.accept")}
      </KeyButton>
      <Button danger icon={<CloseOutlined aria-hidden />} disabled={follows} loading={decline.isPending} onClick={() => decline.mutate(path)}>
        {t("inbound.decline")}
      </Button>
    </div>
  );
}

function Talking({ caller }: { caller: Caller }) {
  const { t } = useTranslation("calls");
  const told = useTold();
  const path = { params: { path: { inbound_id: caller.id } } };
  const refuse = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/refuse-recording", { onError: told, onSuccess: look });
  const hangUp = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/hang-up", { onError: told });
  return (
    <div className="controls" role="group" aria-label={t("controls")}>
      <Button disabled={caller.recording_refused} loading={refuse.isPending} onClick={() => refuse.mutate(path)}>
        {t(caller.recording_refused ? "recording.refused" : "recording.refuse")}
      </Button>
      <KeyButton command="hang_up" type="primary" danger icon={<PhoneOutlined rotate={135} aria-hidden />} loading={hangUp.isPending} onRun={() => hangUp.mutate(path)}>
        {t("hang_up")}
      </KeyButton>
    </div>
  );
}

function Note({ caller }: { caller: Caller }) {
  const { t } = useTranslation("calls");
  const [note, setNote] = useState("");
  const told = useTold();
  const save = $api.useMutation("post", "/api/v1/inbound-calls/{inbound_id}/wrap-up", {
    onError: told,
    onSuccess: () => {
      look();
      void lookAtCall();
    },
  });
  const send = () => save.mutate({ params: { path: { inbound_id: caller.id } }, body: { note: note.trim() } });
  return (
    <form
      className="controls note"
      onSubmit={(event) => {
        event.preventDefault();
        if (note.trim()) send();
      }}
    >
      <Input value={note} onChange={(event) => setNote(event.target.value)} maxLength={500} aria-label={t("inbound.note")} placeholder={t("inbound.note")} />
      <KeyButton command="submit_and_next" type="primary" icon={<CheckOutlined aria-hidden />} disabled={note.trim() === ""} loading={save.isPending} onRun={send}>
        {t("inbound.save")}
      </KeyButton>
    </form>
  );
}

function look(): void {
  void queries.refetchQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("/api/v1/inbound-calls") });
}
