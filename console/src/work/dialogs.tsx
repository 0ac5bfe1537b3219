// What is done beside the form without leaving it: who the relative is, breaking the glass, a request or complaint.
import { Alert, App, Button, Checkbox, Form, Input, Modal, Select } from "antd";
import { useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { lookAtCall } from "@/calls/call";
import { serverNow } from "@/live/server_clock";
import { Loaded } from "@/shown/Loaded";
import { said, type Both } from "@/words";
import { keep } from "./draft";
import type { Own } from "./hand";
import { focusOnForm } from "./places";
import { speaking } from "./speaking";
import { useTold } from "./told";

interface Dialog {
  own: Own;
  onClose: () => void;
}

const MATTERS: Shape["Matter"][] = ["general", "appointments", "booking", "symptoms", "medicines", "results", "psychology", "complaints"];

/** A digit chooses, from anywhere in the dialog but its fields. */
function Digits({ onDigit, children }: { onDigit: (digit: number) => void; children: ReactNode }) {
  const onKey = (event: KeyboardEvent) => {
    const field = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
    if (field || event.target instanceof HTMLTextAreaElement || event.nativeEvent.isComposing) return;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (!digit) return;
    event.preventDefault();
    onDigit(Number(digit));
  };
  return (
    // Keys of the dialog as a whole; each has its button.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div onKeyDown={onKey}>{children}</div>
  );
}

export function RelativeDialog({ own, onClose }: Dialog) {
  const { t } = useTranslation("work");
  const told = useTold();
  const attempt = own.attempt!;
  const relatives = $api.useQuery("get", "/api/v1/patients/{patient_id}/relatives", { params: { path: { patient_id: attempt.patient_id } } });
  const patientSpeaks = own.speaker === "patient";
  const begin = (relative: { id: string | null; name: string }) => {
    speaking.setState({ attemptId: attempt.id, relative, neutral: false });
    keep({ spokeWith: relative.name });
    onClose();
    requestAnimationFrame(focusOnForm);
  };
  const record = $api.useMutation("post", "/api/v1/attempts/{attempt_id}/relative", {
    onSuccess: (made) => {
      keep({ spokeWith: `${made.name} (${made.relation})` });
      void lookAtCall();
      if (patientSpeaks) onClose();
      else begin({ id: made.id, name: made.name });
    },
    onError: told,
  });
  const living = (relatives.data?.relatives ?? []).filter((each) => each.ended_at === null && (each.expires_at === null || Date.parse(each.expires_at) > serverNow()));
  const pick = (place: number) => {
    const one = living[place - 1];
    if (one) begin({ id: one.id, name: `${one.name} (${one.relation})` });
    else if (place === living.length + 1) begin({ id: null, name: t("relative.somebody") });
  };
  return (
    <Modal open title={t("relative.title")} footer={null} onCancel={onClose} destroyOnHidden>
      <Digits onDigit={pick}>
        <p className="quiet">{t("relative.help")}</p>
        <Loaded query={relatives}>
          {() => (
            <div className="picks">
              {living.map((one, place) => (
                <Button key={one.id} autoFocus={place === 0} block onClick={() => pick(place + 1)}>
                  <kbd>{place + 1}</kbd> {one.name} ({one.relation}) · <span className="quiet">{one.scope.map((matter) => t(`matters.${matter}`)).join(", ") || t("relative.nothing")}</span>
                </Button>
              ))}
              <Button autoFocus={living.length === 0} block onClick={() => pick(living.length + 1)}>
                <kbd>{living.length + 1}</kbd> {t("relative.unknown")} · <span className="quiet">{t("matters.general")}</span>
              </Button>
            </div>
          )}
        </Loaded>
        <h4>{t("relative.new")}</h4>
        {!patientSpeaks && <Alert type="info" showIcon title={t("relative.only_patient")} />}
        <Form
          layout="vertical"
          requiredMark={false}
          onFinish={(typed: { name: string; relation: string; scope?: Shape["Matter"][]; theirs?: boolean }) =>
            record.mutate({
              params: { path: { attempt_id: attempt.id } },
              body: { name: typed.name, relation: typed.relation, scope: patientSpeaks ? (typed.scope ?? []) : [], number_is_theirs: typed.theirs ?? false, speaks_now: patientSpeaks },
            })
          }
        >
          <div className="pair">
            <Form.Item name="name" label={t("relative.name")} rules={[{ required: true, message: t("needed") }]}>
              <Input maxLength={200} />
            </Form.Item>
            <Form.Item name="relation" label={t("relative.relation")} rules={[{ required: true, message: t("needed") }]}>
              <Input maxLength={60} />
            </Form.Item>
          </div>
          {patientSpeaks && (
            <Form.Item name="scope" label={t("relative.scope")}>
              <Checkbox.Group options={MATTERS.map((matter) => ({ value: matter, label: t(`matters.${matter}`) }))} />
            </Form.Item>
          )}
          <Form.Item name="theirs" valuePropName="checked">
            <Checkbox>{t("relative.number_theirs")}</Checkbox>
          </Form.Item>
          <Button htmlType="submit" type="primary" loading={record.isPending}>
            {t("relative.record")}
          </Button>
        </Form>
      </Digits>
    </Modal>
  );
}

export function GlassDialog({ own, onClose }: Dialog) {
  const { t } = useTranslation("work");
  const told = useTold();
  const [reason, setReason] = useState<Shape["GlassReason"] | null>(null);
  const [text, setText] = useState("");
  const reasons = $api.useQuery("get", "/api/v1/glass-reasons");
  const breaking = $api.useMutation("post", "/api/v1/patients/{patient_id}/broken-glasses", {
    onSuccess: () => {
      void lookAtCall();
      onClose();
    },
    onError: told,
  });
  const ready = reason !== null && (reason !== "other" || text.trim().length >= 5);
  const go = () => {
    if (ready) breaking.mutate({ params: { path: { patient_id: own.attempt!.patient_id } }, body: { reason, text: text.trim() } });
  };
  return (
    <Modal open title={t("glass.title")} okText={t("glass.open")} okButtonProps={{ disabled: !ready, danger: true, loading: breaking.isPending }} cancelText={t("cancel")} onOk={go} onCancel={onClose} destroyOnHidden>
      <Digits onDigit={(digit) => setReason(reasons.data?.reasons[digit - 1]?.reason ?? reason)}>
        <p>{t("glass.help")}</p>
        <Loaded query={reasons}>
          {(found) => (
            <div className="picks" role="radiogroup" aria-label={t("glass.reason")}>
              {found.reasons.map((one, place) => (
                <Button key={one.reason} block autoFocus={place === 0} role="radio" aria-checked={reason === one.reason} type={reason === one.reason ? "primary" : "default"} onClick={() => setReason(one.reason)}>
                  <kbd>{place + 1}</kbd> {said(one.title as unknown as Both)}
                </Button>
              ))}
            </div>
          )}
        </Loaded>
        <Input.TextArea aria-label={t("glass.words")} placeholder={t("glass.words")} maxLength={500} rows={2} value={text} onChange={(event) => setText(event.target.value)} onPressEnter={(event) => event.ctrlKey && go()} />
      </Digits>
    </Modal>
  );
}

const KINDS: Shape["RequestKind"][] = ["request", "complaint", "praise", "dispute"];

export function RequestDialog({ own, onClose }: { own: Own | undefined; onClose: () => void }) {
  const { t } = useTranslation("work");
  const { message } = App.useApp();
  const told = useTold();
  const causes = $api.useQuery("get", "/api/v1/request-causes", {}, { staleTime: Infinity });
  const answeredAt = own?.call?.answered_at;
  const [second] = useState(() => (answeredAt ? Math.max(0, Math.round((serverNow() - Date.parse(answeredAt)) / 100) / 10) : null));
  const [kind, setKind] = useState<Shape["RequestKind"]>("request");
  const make = $api.useMutation("post", "/api/v1/requests", {
    onSuccess: () => {
      void message.success(t("request.made"));
      onClose();
    },
    onError: told,
  });
  return (
    <Modal open title={t("request.title")} footer={null} onCancel={onClose} destroyOnHidden>
      <Digits onDigit={(digit) => setKind(KINDS[digit - 1] ?? kind)}>
        <div className="picks wide" role="radiogroup" aria-label={t("request.kind")}>
          {KINDS.map((each, place) => (
            <Button key={each} autoFocus={place === 0} role="radio" aria-checked={kind === each} type={kind === each ? "primary" : "default"} onClick={() => setKind(each)}>
              <kbd>{place + 1}</kbd> {causes.data ? said(causes.data.kinds[each]) : each}
            </Button>
          ))}
        </div>
        <Form
          layout="vertical"
          requiredMark={false}
          onFinish={(typed: { cause: string; text: string }) =>
            make.mutate({
              body: {
                kind,
                cause: typed.cause,
                text: typed.text,
                departments: own?.glance?.visit ? [own.glance.visit.department] : [],
                attempt_id: own?.attempt?.id ?? null,
                at_second: second,
              },
            })
          }
        >
          <Form.Item name="cause" label={t("request.cause")} rules={[{ required: true, message: t("needed") }]}>
            <Select showSearch={{ optionFilterProp: "label" }} options={causes.data?.causes.map((cause) => ({ value: cause.code, label: said(cause.title) }))} />
          </Form.Item>
          <Form.Item name="text" label={t("request.text")} rules={[{ required: true, message: t("needed") }]}>
            <Input.TextArea rows={4} maxLength={10_000} onKeyDown={(event) => event.ctrlKey && event.key === "Enter" && event.currentTarget.closest("form")?.requestSubmit()} />
          </Form.Item>
          <p className="quiet">{own?.attempt ? t("request.of_call") : t("request.of_nobody")}</p>
          <Button htmlType="submit" type="primary" loading={make.isPending}>
            {t("request.save")} <kbd className="keys">Ctrl+Enter</kbd>
          </Button>
        </Form>
      </Digits>
    </Modal>
  );
}
