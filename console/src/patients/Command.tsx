// A button that asks for what a command needs, sends it, says what happened and looks at the record anew.
import { App, Button, Form, Input, Modal, type ButtonProps } from "antd";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { queries } from "@/api/client";
import { ProblemNote } from "@/shown/ProblemNote";

interface Props<Typed> {
  label: string;
  /** Where the button's words alone would not say whose it is. */
  title?: string;
  about?: ReactNode;
  done?: string;
  button?: ButtonProps;
  initial?: Partial<Typed>;
  wide?: boolean;
  children?: ReactNode;
  run: (typed: Typed) => Promise<unknown>;
}

/** What a command changed is asked for anew: everything about one patient. */
export function lookAgain(): void {
  void queries.invalidateQueries({
    predicate: ({ queryKey }) => /^\/api\/v1\/(patients\/\{|plans|summaries|prints|goals|medicines|results|history)/.test(String(queryKey[1])),
  });
}

export function Command<Typed extends object>({ label, title, about, done, button, initial, wide, children, run }: Props<Typed>) {
  const { t } = useTranslation("patients");
  const { message } = App.useApp();
  const [open, setOpen] = useState(false);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const close = () => {
    setOpen(false);
    setProblem(null);
  };
  const send = async (typed: Typed) => {
    setSending(true);
    setProblem(null);
    try {
      const told = await run(typed);
      close();
      void message.success(typeof told === "string" ? told : (done ?? t("saved")));
      lookAgain();
    } catch (thrown) {
      setProblem(thrown);
    } finally {
      setSending(false);
    }
  };
  return (
    <>
      <Button size="small" aria-label={!title || title === label ? undefined : title.includes(label) ? title : `${label}: ${title}`} {...button} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && (
        <Modal open title={title ?? label} footer={null} width={wide ? 720 : 520} onCancel={close} destroyOnHidden>
          {about && <p>{about}</p>}
          <Form layout="vertical" requiredMark={false} initialValues={initial} onFinish={(typed) => void send(typed as Typed)}>
            {children}
            {problem !== null && <ProblemNote problem={problem} />}
            <div className="record-ends">
              <Button onClick={close}>{t("cancel")}</Button>
              <Button type="primary" htmlType="submit" danger={button?.danger} loading={sending}>
                {label}
              </Button>
            </div>
          </Form>
        </Modal>
      )}
    </>
  );
}

export function ReasonField({ name = "reason", label, max = 200 }: { name?: string; label?: string; max?: number }) {
  const { t } = useTranslation("patients");
  return (
    <Form.Item name={name} label={label ?? t("reason")} rules={[{ required: true, whitespace: true, min: 3, message: t("reason_wanted") }]}>
      <Input.TextArea autoFocus autoSize={{ minRows: 2, maxRows: 5 }} maxLength={max} />
    </Form.Item>
  );
}

/** A command that needs a reason and nothing else. */
export function Because({ run, ...rest }: Omit<Props<{ reason: string }>, "run" | "children"> & { run: (reason: string) => Promise<unknown> }) {
  return (
    <Command<{ reason: string }> {...rest} run={({ reason }) => run(reason)}>
      <ReasonField />
    </Command>
  );
}

export function TextField({ name, label, needed = true, max = 200 }: { name: string; label: string; needed?: boolean; max?: number }) {
  const { t } = useTranslation("patients");
  return (
    <Form.Item name={name} label={label} rules={needed ? [{ required: true, whitespace: true, message: t("needed") }] : []}>
      <Input maxLength={max} />
    </Form.Item>
  );
}

export function DayField({ name, label, needed = true }: { name: string; label: string; needed?: boolean }) {
  const { t } = useTranslation("patients");
  return (
    <Form.Item name={name} label={label} rules={needed ? [{ required: true, message: t("needed") }] : []}>
      <Input type="date" max="9999-12-31" />
    </Form.Item>
  );
}
