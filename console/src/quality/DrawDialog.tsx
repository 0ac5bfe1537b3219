// A new sample: the rule, an estimate of what it may claim, the draw.
import { useNavigate } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Checkbox, DatePicker, Form, InputNumber, Modal, Select } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useTranslation } from "react-i18next";
import { $api, type Shape } from "@/api/client";
import { Loaded } from "@/shown/Loaded";
import { ProblemNote } from "@/shown/ProblemNote";
import { said } from "@/words";
import { stale } from "./stale";
import { Statement } from "./Statement";
import "./words";

const STRATA = ["agent", "queue", "plan"] as const;

interface Asked {
  period: [Dayjs, Dayjs];
  strata: Shape["SampleStatementAnswer"]["strata"];
  confidence: number;
  margin: number;
  at_least: number;
  seed: number | null;
  card: string;
}

export function DrawDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("quality");
  const { message } = App.useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [form] = Form.useForm<Asked>();
  const cards = $api.useQuery("get", "/api/v1/scorecards", undefined, { staleTime: Infinity });
  const estimate = $api.useMutation("post", "/api/v1/quality/sample-estimates");
  const draw = $api.useMutation("post", "/api/v1/quality/samples", {
    onSuccess: (sample) => {
      void message.success(t("samples.drawn", { count: sample.calls }));
      void stale(queries);
      void navigate({ to: `/quality/samples/${sample.id}` });
    },
  });
  const asked = async () => {
    const { period, margin, card, seed, ...rest } = await form.validateFields();
    const now = dayjs();
    const until = period[1].endOf("day");
    return {
      card,
      rule: {
        ...rest,
        seed: seed ?? null,
        margin: margin / 100,
        since: period[0].startOf("day").toISOString(),
        until: (until.isAfter(now) ? now : until).toISOString(),
        queue_id: null,
      },
    };
  };
  return (
    <Modal
      open
      width={720}
      title={t("samples.draw_title")}
      onCancel={onClose}
      footer={[
        <Button key="estimate" loading={estimate.isPending} onClick={() => void asked().then(({ rule }) => estimate.mutate({ body: rule }))}>
          {t("samples.estimate")}
        </Button>,
        <Button key="draw" type="primary" loading={draw.isPending} onClick={() => void asked().then(({ rule, card }) => draw.mutate({ body: { ...rule, card } }))}>
          {t("samples.draw")}
        </Button>,
      ]}
    >
      <Loaded query={cards}>
        {(answer) => (
          <Form<Asked>
            form={form}
            layout="vertical"
            initialValues={{
              period: [dayjs().subtract(29, "day"), dayjs()],
              strata: ["agent"],
              confidence: 0.95,
              margin: 10,
              at_least: 5,
              seed: null,
              card: answer.cards[0]?.id,
            }}
          >
            <Form.Item name="period" label={t("samples.period")}>
              <DatePicker.RangePicker allowClear={false} disabledDate={(each) => each.isAfter(dayjs(), "day")} />
            </Form.Item>
            <Form.Item name="strata" label={t("samples.strata")}>
              <Checkbox.Group options={STRATA.map((each) => ({ value: each, label: t(`samples.strata_of.${each}`) }))} />
            </Form.Item>
            <div className="quality-bar">
              <Form.Item name="confidence" label={t("samples.confidence")}>
                <Select popupMatchSelectWidth={false} options={[0.9, 0.95, 0.99].map((each) => ({ value: each, label: t("percent", { value: each * 100 }) }))} />
              </Form.Item>
              <Form.Item name="margin" label={t("samples.margin")} rules={[{ required: true }]}>
                <InputNumber min={1} max={50} />
              </Form.Item>
              <Form.Item name="at_least" label={t("samples.at_least")} rules={[{ required: true }]}>
                <InputNumber min={0} max={100} precision={0} />
              </Form.Item>
              <Form.Item name="seed" label={t("samples.seed")}>
                <InputNumber min={0} max={999_999_999} precision={0} controls={false} />
              </Form.Item>
            </div>
            <Form.Item name="card" label={t("samples.card")}>
              <Select options={answer.cards.map((card) => ({ value: card.id, label: said(card.title) }))} />
            </Form.Item>
          </Form>
        )}
      </Loaded>
      {estimate.data && (
        <>
          <b>{t("samples.estimated")}</b>
          <Statement statement={estimate.data} />
        </>
      )}
      {(draw.error ?? estimate.error) !== null && <ProblemNote problem={draw.error ?? estimate.error} />}
    </Modal>
  );
}
