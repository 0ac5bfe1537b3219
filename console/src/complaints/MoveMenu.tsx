// "Move to…": the steps that can be taken now, by mouse or keyboard.
import { DownOutlined } from "@ant-design/icons";
import { Button, Dropdown } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { PatientRequest, Step } from "./columns";
import { StepDialog } from "./StepDialog";

export function MoveMenu({ request }: { request: PatientRequest }) {
  const { t } = useTranslation("complaints");
  const [step, setStep] = useState<Step | null>(null);
  if (request.steps.length === 0) return null;
  return (
    <>
      <Dropdown
        autoFocus
        trigger={["click"]}
        menu={{
          items: request.steps.map((each) => ({ key: each, label: t(`steps.${each}`) })),
          onClick: ({ key, domEvent }) => {
            // Else the same press of Enter would go on to whatever the dialog has in focus: its close button.
            domEvent.preventDefault();
            setStep(key as Step);
          },
        }}
      >
        <Button size="small" icon={<DownOutlined />} iconPlacement="end" aria-haspopup="menu" aria-label={`${t("move")} ${request.text.slice(0, 40)}`}>
          {t("move")}
        </Button>
      </Dropdown>
      {step && <StepDialog request={request} step={step} onClose={() => setStep(null)} />}
    </>
  );
}
