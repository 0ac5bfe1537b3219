// The figures that are looked at first.
import { Card } from "antd";
import { DefinedName } from "./DefinedName";
import { countsText, intervalText, valueText, type Definition, type Figure } from "./figures";
import { Notes } from "./Notes";

const FIRST = ["discharges_followed", "completion", "timely", "contact", "connect", "satisfaction"];

interface Props {
  definitions: readonly Definition[];
  figures: readonly Figure[];
}

export function Tiles({ definitions, figures }: Props) {
  return (
    <div className="stats-tiles">
      {FIRST.flatMap((code) => {
        const definition = definitions.find((each) => each.code === code);
        const figure = figures.find((each) => each.code === code);
        if (!definition || !figure) return [];
        const interval = intervalText(figure);
        return [
          <Card key={code} size="small">
            <DefinedName definition={definition} />
            <div className="stats-large">{valueText(figure, definition.shape)}</div>
            <div className="stats-quiet">
              {countsText(figure, definition.shape)}
              {interval && ` (${interval})`} <Notes figure={figure} shape={definition.shape} />
            </div>
          </Card>,
        ];
      })}
    </div>
  );
}
