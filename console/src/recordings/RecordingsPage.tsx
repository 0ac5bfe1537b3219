// Recordings: narrowed by filters, found by what was said; for reviewers the redacted copies and nothing else.
import { Checkbox, Input, type InputRef } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useHasRole } from "@/api/me";
import { useCommand } from "@/keyboard/useCommand";
import { CallTable } from "./CallTable";
import { CopiesList } from "./CopiesList";
import { FilterBar } from "./FilterBar";
import { useFilters } from "./filters";
import { SearchHits } from "./SearchHits";
import "./player.css";
import "./recordings.css";
import "./words";

export default function RecordingsPage() {
  const listens = useHasRole("agent", "supervisor", "doctor");
  return listens ? <Calls /> : <CopiesList />;
}

function Calls() {
  const { t } = useTranslation("recordings");
  const [filters, change, clear] = useFilters();
  const [typed, setTyped] = useState("");
  const [wanted, setWanted] = useState("");
  const [bySound, setBySound] = useState(false);
  const field = useRef<InputRef>(null);
  useCommand("search", () => field.current?.focus());
  return (
    <>
      <h1 className="page-title">{t("title")}</h1>
      <div className="search-row">
        <Input.Search
          ref={field}
          className="search-field"
          allowClear
          enterButton={t("search.go")}
          aria-label={t("search.field")}
          placeholder={t("search.placeholder")}
          maxLength={200}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            if (!event.target.value) setWanted("");
          }}
          onSearch={(words) => setWanted(words.trim())}
        />
        <Checkbox checked={bySound} onChange={(event) => setBySound(event.target.checked)}>
          {t("search.by_sound")}
        </Checkbox>
      </div>
      <FilterBar filters={filters} change={change} clear={clear} searching={wanted !== ""} />
      {wanted ? <SearchHits words={wanted} bySound={bySound} filters={filters} /> : <CallTable filters={filters} />}
    </>
  );
}
