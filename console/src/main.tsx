import "antd/dist/reset.css";
import "./app/style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./words";
import { App } from "./app/App";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
