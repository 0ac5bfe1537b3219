/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// While developing, `npm run dev` hands what is not the console's to a running `suifang api`.
const api = process.env["SUIFANG_API"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // Windows 7 desks end at Chrome 109.
  build: { target: "chrome109", manifest: true, sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
  html: { cspNonce: "NONCE_OF_THE_ANSWER" },
  server: { proxy: { "/api": { target: api, ws: true, changeOrigin: false } } },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/app/test_setup.ts"] },
});
