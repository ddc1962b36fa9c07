/** Mounts the editor on the page's `#root`. */

import "./styles/fonts.css";
import "@xyflow/react/dist/base.css";

import "./styles/tokens.css";
import "./styles/base.css";

import { createRoot } from "react-dom/client";

import { App } from "./App";
import { beginSession, readBoot } from "./session";
import { useStore } from "./store";
import { currentTheme, followSystem, showTheme } from "./theme";

const root = document.getElementById("root");
if (root) {
  const boot = readBoot();
  showTheme(currentTheme());
  followSystem((theme) => {
    showTheme(theme);
    useStore.setState((state) => ({ ui: { ...state.ui, theme } }));
  });
  beginSession(boot);
  createRoot(root).render(<App boot={boot} />);
}
