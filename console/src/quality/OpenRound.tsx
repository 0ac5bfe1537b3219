// A new round: the first calls of a sample, by two graders or more.
import { useNavigate } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Form, Input, InputNumber, Modal, Radio, Select } from "antd";
import { useTranslation } from "react-i18next";
import { $api, api, type Shape } from "@/api/client";
import { day } from "@/shown/instants";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { stale } from "./stale";
import "./words";

const KINDS = ["double", "calibration"] as const;

interface Asked {
  kind: Shape["GradingRoundAnswer"]["kind"];
  title: string;
  sample: string;
  first: number;
  graders: string[];
}

export function OpenRound({ sampleId, onClose }: { sampleId?: string; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [form] = Form.useForm<Asked>();
  const samples = $api.useQuery("get", "/api/v1/quality/samples");
  const graders = $api.useQuery("get", "/api/v1/quality/graders");
  const open = $api.useMutation("post", "/api/v1/quality/rounds", {
    onSuccess: (round) => {
      void message.success(t("rounds.opened"));
      void stale(queries);
      void navigate({ to: `/quality/rounds/${round.id}` });
    },
  });
  const submit = async () => {
    const asked = await form.validateFields();
    const { data } = await api.GET("/api/v1/quality/samples/{sample_id}", { params: { path: { sample_id: asked.sample } } });
    if (!data) return;
    open.mutate({
      body: {
        kind: asked.kind,
        title: asked.title,
        card: data.card,
        attempt_ids: data.to_judge.slice(0, asked.first).map((call) => call.attempt_id),
        grader_ids: asked.graders,
      },
    });
  };
  const none = samples.data?.samples.length === 0;
  return (
    <Modal open title={t("rounds.open_title")} okText={t("rounds.open")} okButtonProps={{ disabled: none }} confirmLoading={open.isPending} onCancel={onClose} onOk={() => void submit()}>
      {none && <Alert type="info" showIcon title={t("rounds.no_sample")} />}
      <Loaded query={graders}>
        {(people) => (
          <Form<Asked> form={form} layout="vertical" initialValues={{ kind: "double", first: 10, sample: sampleId, graders: [] }}>
            <Form.Item name="kind" label={t("columns.kind")}>
              <Radio.Group vertical options={KINDS.map((each) => ({ value: each, label: `${t(`rounds.kinds.${each}`)} (${t(`rounds.kind_help.${each}`)})` }))} />
            </Form.Item>
            <Form.Item name="title" label={t("rounds.title")} rules={[{ required: true, whitespace: true, message: t("rounds.title_missing") }]}>
              <Input maxLength={200} />
            </Form.Item>
            <Form.Item name="sample" label={t("rounds.from_sample")} rules={[{ required: true, message: t("rounds.no_sample") }]}>
              <Select
                loading={samples.isPending}
                options={samples.data?.samples.map((each) => ({
                  value: each.id,
                  label: `${t("samples.of", { since: day(each.since), until: day(each.until) })} (${each.calls})`,
                }))}
              />
            </Form.Item>
            <Form.Item name="first" label={t("rounds.first")} rules={[{ required: true }]}>
              <InputNumber min={1} max={200} precision={0} />
            </Form.Item>
            <Form.Item name="graders" label={t("rounds.graders")} rules={[{ required: true, type: "array", min: 2, message: t("rounds.graders_missing") }]}>
              <Select mode="multiple" optionFilterProp="label" options={people.graders.map((each) => ({ value: each.user_id, label: each.name }))} />
            </Form.Item>
          </Form>
        )}
      </Loaded>
      {open.error !== null && <ProblemNote problem={open.error} />}
    </Modal>
  );
}
