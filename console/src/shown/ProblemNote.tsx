// A failure on the page: what happened, in the reader's language, the server's own words, and one thing to do.
import { Alert, Button } from "antd";
import { useTranslation } from "react-i18next";
import { inWords } from "@/api/problem";
import "./words";

interface Props {
  problem: unknown;
  retry?: () => void;
}

export function ProblemNote({ problem, retry }: Props) {
  const { t } = useTranslation("shown");
  const { title, detail } = inWords(problem);
  return (
    <Alert
      type="error"
      showIcon
      title={title}
      description={detail && <span lang="en">{detail}</span>}
      action={retry && <Button onClick={retry}>{t("retry")}</Button>}
    />
  );
}
