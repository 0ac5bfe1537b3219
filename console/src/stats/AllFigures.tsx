// Every indicator of the period, a card for each kind of thing that is counted.
import { Button, Card, Table } from "antd";
import { useTranslation } from "react-i18next";
import { said } from "@/words";
import { DefinedName } from "./DefinedName";
import { countsText, intervalText, valueText, type Definition, type Figure } from "./figures";
import { Notes } from "./Notes";

interface Props {
  definitions: readonly Definition[];
  figures: readonly Figure[];
  drill: (code: string) => void;
}

interface Line {
  definition: Definition;
  figure: Figure;
}

export function AllFigures({ definitions, figures, drill }: Props) {
  const { t } = useTranslation("stats");
  const lines = figures.flatMap((figure) => {
    const definition = definitions.find((each) => each.code === figure.code);
    return definition ? [{ definition, figure }] : [];
  });
  const families = [...new Set(lines.map((line) => line.definition.family))];
  return (
    <div className="stats-families">
      {families.map((family) => {
        const own = lines.filter((line) => line.definition.family === family);
        return (
          <Card key={family} size="small" title={<h2>{said(own[0]?.definition.counted_by)}</h2>}>
            <Table<Line>
              size="small"
              rowKey={(line) => line.figure.code}
              pagination={false}
              dataSource={own}
              columns={[
                { title: t("indicator"), render: (_, { definition }) => <DefinedName definition={definition} /> },
                {
                  title: t("value"),
                  align: "right",
                  render: (_, { definition, figure }) => <strong className="stats-value">{valueText(figure, definition.shape)}</strong>,
                },
                { title: t("interval"), align: "right", className: "stats-fixed", render: (_, { figure }) => intervalText(figure) },
                {
                  title: t("counts"),
                  align: "right",
                  className: "stats-fixed",
                  render: (_, { definition, figure }) => countsText(figure, definition.shape),
                },
                {
                  title: t("remarks"),
                  render: (_, { definition, figure }) => (
                    <>
                      <Notes figure={figure} shape={definition.shape} />
                      {definition.drills && figure.value != null && (
                        <Button size="small" onClick={() => drill(figure.code)} aria-label={t("tasks_of", { name: said(definition.title) })}>
                          {t("tasks")}
                        </Button>
                      )}
                    </>
                  ),
                },
              ]}
            />
          </Card>
        );
      })}
    </div>
  );
}
