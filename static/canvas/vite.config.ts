import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The bundle is committed: everything here must give the same bytes on every machine.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    // A plain name: a dot folder would be left out by file servers and packagers.
    manifest: "manifest.json",
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["src/main.tsx", "src/pages/main.ts", "src/admin/theme.css", "src/admin/times.ts"],
      output: {
        // An app-only change then leaves the big vendor file alone.
        codeSplitting: { groups: [{ name: "vendor", test: /node_modules(?!.@fontsource)/ }] },
      },
    },
  },
  test: {
    environment: "happy-dom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
