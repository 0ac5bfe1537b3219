// An indicator's name; hovered or focused it says how the indicator is defined.
import { Popover } from "antd";
import { useTranslation } from "react-i18next";
import { said } from "@/words";
import type { Definition } from "./figures";

export function DefinedName({ definition }: { definition: Definition }) {
  const { t } = useTranslation("stats");
  const lines = [
    ["above", definition.numerator],
    ["below", definition.denominator],
    ["excluded", definition.excluded],
    ["counted_by", definition.counted_by],
  ] as const;
  return (
    <Popover
      trigger={["hover", "focus"]}
      placement="right"
      title={said(definition.title)}
      content={
        <dl className="stats-definition">
          {lines.map(([key, text]) => (
            <div key={key}>
              <dt>{t(`definition.${key}`)}</dt>
              <dd>{said(text)}</dd>
            </div>
          ))}
        </dl>
      }
    >
      <button type="button" className="stats-name">
        {said(definition.title)}
      </button>
    </Popover>
  );
}
