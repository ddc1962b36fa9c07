/** The page: top bar, palette, canvas or runs, inspector, run drawer. */

import { ReactFlowProvider } from "@xyflow/react";
import { PanelRight } from "lucide-react";

import type { Boot } from "./model/types";
import { actions, useStore } from "./store";
import { isReadOnly } from "./state";
import { Banner } from "./components/Banner";
import { IconButton } from "./components/Button";
import { Canvas } from "./components/Canvas";
import { Inspector } from "./components/Inspector";
import { Palette } from "./components/Palette";
import { NodeMenu } from "./components/NodeMenu";
import { NodeRunDialog } from "./components/NodeRunDialog";
import { RepeatDialog } from "./components/RepeatDialog";
import { RunDialog } from "./components/RunDialog";
import { RunDrawer } from "./components/RunDrawer";
import { RunPill } from "./components/RunPill";
import { RunsScreen } from "./components/RunsScreen";
import { Toasts } from "./components/Toasts";
import { TopBar } from "./components/TopBar";
import styles from "./App.module.css";

export function App({ boot }: { boot: Boot }) {
  const screen = useStore((state) => state.ui.screen);
  const graphId = useStore((state) => state.graph.id);
  return (
    <ReactFlowProvider>
      <div className={styles.page}>
        <TopBar home={boot.urls.home} graphs={boot.urls.graphs} />
        {screen === "editor" ? (
          <Editor login={boot.urls.login} canvas={`${boot.urls.graphs}${graphId}/canvas/`} />
        ) : (
          <RunsScreen />
        )}
      </div>
      <RunDialog />
      <NodeRunDialog />
      <RepeatDialog />
      <NodeMenu />
      <Toasts />
    </ReactFlowProvider>
  );
}

function Editor({ login, canvas }: { login: string; canvas: string }) {
  const readOnly = useStore(isReadOnly);
  const inspectorOpen = useStore((state) => state.ui.inspectorOpen);
  const drawer = useStore((state) => state.ui.drawerOpen && state.run.execution !== null);
  return (
    <div className={styles.editor} data-palette={!readOnly} data-inspector={inspectorOpen} data-drawer={drawer}>
      {!readOnly && <Palette />}
      <div className={styles.middle}>
        <Banner login={login} editor={canvas} />
        <div className={styles.drawing}>
          <Canvas />
          <RunPill />
          <div className={styles.fold}>
            <IconButton
              label={inspectorOpen ? "Hide the inspector" : "Show the inspector"}
              aria-expanded={inspectorOpen}
              onClick={() => actions().setInspectorOpen(!inspectorOpen)}
            >
              <PanelRight />
            </IconButton>
          </div>
        </div>
        {drawer && (
          <section className={styles.drawer} aria-label="Run">
            <RunDrawer />
          </section>
        )}
      </div>
      {inspectorOpen && (
        <aside className={styles.inspector} aria-label="Inspector">
          <Inspector />
        </aside>
      )}
    </div>
  );
}
