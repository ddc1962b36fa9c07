/** Mounts the editor on the page's `#root`. */

import "./styles/fonts.css";
import "@xyflow/react/dist/base.css";

import "./styles/tokens.css";
import "./styles/base.css";

import { createRoot } from "react-dom/client";

import { App } from "./App";
import { beginSession, readBoot } from "./session";
import { applyTheme, savedTheme } from "./theme";

const root = document.getElementById("root");
if (root) {
  const boot = readBoot();
  applyTheme(savedTheme());
  beginSession(boot);
  createRoot(root).render(<App boot={boot} />);
}
