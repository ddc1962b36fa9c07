/** The graph's name and state, the two screens, and the verbs: undo, redo, theme, cancel, run. */

import {
  Check,
  ChevronDown,
  CloudOff,
  History as HistoryIcon,
  LoaderCircle,
  LogIn,
  Moon,
  Play,
  Redo2,
  RotateCcw,
  Settings2,
  Square,
  Sun,
  Undo2,
} from "lucide-react";
import { useCallback, useState } from "react";

import { inputFields } from "../model/inputs";
import { canRetry } from "../model/nodeVerbs";
import { isFinal } from "../model/runs";
import type { At } from "../model/types";
import { actions, useStore } from "../store";
import { isReadOnly, mayRun, type SaveState, type Screen } from "../state";
import { Button, IconButton } from "./Button";
import { Logo } from "./Logo";
import { Menu } from "./Menu";
import { again } from "./again";
import { PublishButton, useUnpublished } from "./Publish";
import styles from "./TopBar.module.css";

export function TopBar({ home, graphs }: { home: string; graphs: string }) {
  return (
    <header className={styles.bar}>
      <a className={styles.logo} href={home} aria-label="Overview">
        <Logo />
      </a>
      <nav className={styles.crumbs} aria-label="Path">
        <a href={graphs}>Graphs</a>
        <i aria-hidden="true">/</i>
        <GraphName />
      </nav>
      <Version />
      <Saved />
      <Screens />
      <span className={styles.space} />
      <span className={styles.wide}>
        <History />
        <ThemeToggle />
        <span className={styles.line} />
        <PublishButton />
      </span>
      <RunButtons />
    </header>
  );
}

function GraphName() {
  const name = useStore((state) => state.graph.spec.name);
  const readOnly = useStore(isReadOnly);
  const [text, setText] = useState<string | null>(null);
  if (readOnly) return <b className={styles.name}>{name}</b>;
  const commit = (): void => {
    if (text !== null && text.trim() !== "" && text.trim() !== name) actions().setGraph("name", text.trim());
    setText(null);
  };
  return (
    <input
      className={styles.name}
      aria-label="Graph name"
      value={text ?? name}
      size={Math.max(6, Math.min(36, (text ?? name).length))}
      maxLength={200}
      spellCheck={false}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") setText(null);
      }}
    />
  );
}

/** Which version is shown, and which one is published. */
function Version() {
  const view = useStore((state) => state.graph.view?.number ?? null);
  const latest = useStore((state) => state.graph.latestVersion);
  const published = useStore((state) => state.graph.published?.number ?? null);
  const changes = useUnpublished();
  const isPublished = view === null ? published !== null && changes === "" : view === published;
  const draft = latest === null ? "draft" : `v${latest} draft`;
  const text = view === null ? (isPublished ? `v${published ?? ""}` : draft) : `v${view}`;
  const title = view === null ? "The draft; running it makes a version when it changed" : "A version never changes";
  return (
    <>
      <span className={`${styles.chip} num`} title={title}>
        {text}
      </span>
      {published !== null && (
        <span className={`${styles.chip} num`} data-tone="ok" title="What triggers and the API run">
          {isPublished ? "Published" : `v${published} published`}
        </span>
      )}
    </>
  );
}

const SAVE_WORDS: Record<SaveState, string> = {
  saved: "Saved",
  saving: "Saving…",
  offline: "Offline: your edits are kept here and sent later",
  loggedOut: "Logged out, not saved",
};

function Saved() {
  const saveState = useStore((state) => state.graph.saveState);
  const readOnly = useStore(isReadOnly);
  if (readOnly) return <span className={styles.saved}>Read only</span>;
  const signs: Record<SaveState, React.ReactNode> = {
    saved: <Check />,
    saving: <LoaderCircle className={styles.turning} />,
    offline: <CloudOff />,
    loggedOut: <LogIn />,
  };
  return (
    <span className={styles.saved} data-state={saveState} role="status" title={SAVE_WORDS[saveState]}>
      {signs[saveState]}
      <span>{SAVE_WORDS[saveState]}</span>
    </span>
  );
}

const SCREENS: { id: Screen; title: string }[] = [
  { id: "editor", title: "Editor" },
  { id: "runs", title: "Runs" },
];

function Screens() {
  const screen = useStore((state) => state.ui.screen);
  return (
    <div className={styles.screens} role="tablist" aria-label="Screens">
      {SCREENS.map(({ id, title }) => (
        <button key={id} type="button" role="tab" aria-selected={screen === id} onClick={() => actions().setScreen(id)}>
          {title}
        </button>
      ))}
    </div>
  );
}

function History() {
  const canUndo = useStore((state) => state.graph.undo.length > 0 && !isReadOnly(state));
  const canRedo = useStore((state) => state.graph.redo.length > 0 && !isReadOnly(state));
  return (
    <>
      <IconButton label="Undo" keys="Ctrl+Z" disabled={!canUndo} onClick={() => actions().undo()}>
        <Undo2 />
      </IconButton>
      <IconButton label="Redo" keys="Ctrl+Shift+Z" disabled={!canRedo} onClick={() => actions().redo()}>
        <Redo2 />
      </IconButton>
    </>
  );
}

function ThemeToggle() {
  const theme = useStore((state) => state.ui.theme);
  const other = theme === "dark" ? "light" : "dark";
  return (
    <IconButton label={`Use the ${other} theme`} onClick={() => actions().setTheme(other)}>
      {theme === "dark" ? <Sun /> : <Moon />}
    </IconButton>
  );
}

/** Other ways to run the draft. */
function RunMenu({ disabled }: { disabled: boolean }) {
  const [at, setAt] = useState<At | null>(null);
  const failed = useStore(canRetry);
  const last = useStore((state) => state.run.execution ?? state.run.recent[0] ?? null);
  const close = useCallback(() => setAt(null), []);
  const changedOnly = (): void => {
    const asks = inputFields(useStore.getState().graph.spec).length > 0;
    if (asks || !last) actions().setRunDialogOpen(true, true);
    else void actions().startRun({}, { keep: last.id });
  };
  return (
    <>
      <Button
        tone="primary"
        className={styles.caret ?? ""}
        aria-label="Ways to run"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        disabled={disabled}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setAt([box.right, box.bottom + 6]);
        }}
      >
        <ChevronDown />
      </Button>
      {at && (
        <Menu
          label="Ways to run"
          at={at}
          corner="right"
          onClose={close}
          groups={[
            [
              { label: "Run with options…", icon: <Settings2 />, run: () => actions().setRunDialogOpen(true) },
              {
                label: "Run only what changed",
                icon: <HistoryIcon />,
                why: last ? "" : "Nothing has run yet.",
                run: changedOnly,
              },
            ],
            [
              {
                label: "Retry from the failed nodes",
                icon: <RotateCcw />,
                why: failed ? "" : "The shown run has not failed.",
                run: () => void again({ failed: true }),
              },
            ],
          ]}
        />
      )}
    </>
  );
}

function RunButtons() {
  const failed = useStore(canRetry);
  const allowed = useStore(mayRun);
  const runPage = useStore((state) => state.runPage);
  const starting = useStore((state) => state.run.starting);
  const empty = useStore((state) => state.graph.spec.nodes.length === 0);
  const live = useStore((state) => state.run.execution !== null && !isFinal(state.run.execution.status));
  const cancelling = useStore((state) => state.run.cancelling || (state.run.execution?.cancel_requested ?? false));
  const isView = useStore((state) => state.graph.view !== null);
  if (!allowed) return null;
  return (
    <>
      {live && (
        <Button
          tone="danger"
          icon={<Square fill="currentColor" />}
          disabled={cancelling}
          onClick={() => void actions().cancelRun()}
        >
          {cancelling ? "Cancelling…" : "Cancel"}
        </Button>
      )}
      {runPage || isView ? (
        <>
          <Button
            tone={failed ? "plain" : "primary"}
            icon={<Play fill="currentColor" />}
            disabled={live}
            onClick={() => void actions().rerun()}
          >
            Run again
          </Button>
          {failed && (
            <Button tone="primary" icon={<RotateCcw />} onClick={() => void again({ failed: true })}>
              Retry from the failed nodes
            </Button>
          )}
        </>
      ) : (
        <span className={styles.split}>
          <Button
            tone="primary"
            icon={<Play fill="currentColor" />}
            title="Run the draft (Ctrl+Enter)"
            disabled={starting || empty}
            onClick={() => actions().run()}
          >
            {starting ? "Starting…" : "Run"}
          </Button>
          <RunMenu disabled={starting || empty} />
        </span>
      )}
    </>
  );
}
