/** Verbs of running: start, watch, cancel, look at an earlier run. */

import { api } from "../api/client";
import { newId, type Draft } from "../draft";
import { applyProgress, applyRows, clearLive } from "../live";
import type { Execution, ExecutionFrame, ProblemDetails } from "../model/types";
import { isFinal } from "../model/runs";
import type { Actions, RunSlice } from "../state";
import type { Get, Set } from "../store";
import { watchExecution, type Watch } from "../watch";

type RunActions = Pick<Actions, "run" | "startRun" | "cancelRun" | "rerun" | "openRun" | "closeRun" | "refreshRuns">;

export function runActions(set: Set, get: Get, draft: Draft): RunActions {
  let watch: Watch | null = null;
  const change = (part: Partial<RunSlice>): void => set((state) => ({ run: { ...state.run, ...part } }));
  const fail = (problem: ProblemDetails): void =>
    get().actions.toast({ tone: "error", text: problem.errors[0]?.detail ?? problem.detail });

  const leave = (): void => {
    watch?.close();
    watch = null;
    clearLive();
    change({ execution: null, detail: null, seq: 0, connection: "idle", cancelling: false });
  };

  const remember = (execution: Execution): void => {
    const recent = get().run.recent.map((one) => (one.id === execution.id ? execution : one));
    if (!recent.some((one) => one.id === execution.id)) recent.unshift(execution);
    change({ recent });
  };

  const refreshDetail = async (id: string): Promise<void> => {
    const answer = await api.execution(id);
    if (answer.ok && get().run.execution?.id === id) change({ detail: answer.data });
  };

  const take = (id: string, frame: ExecutionFrame): void => {
    if (get().run.execution?.id !== id) return;
    if (frame.type === "transient") {
      applyProgress(frame.node, frame.progress, frame.text);
      return;
    }
    applyRows(frame.nodes);
    const before = get().run.execution;
    const { execution } = frame;
    change({ execution, seq: Math.max(get().run.seq, frame.seq) });
    if (before?.status !== execution.status) remember(execution);
    // Outputs come at the end; a lost and resumed worker shows in the events.
    if (before?.status !== execution.status) void refreshDetail(id);
  };

  const follow = (execution: Execution): void => {
    change({ execution });
    watch = watchExecution({
      id: execution.id,
      since: () => get().run.seq,
      onFrame: (frame) => take(execution.id, frame),
      onConnection: (connection) => change({ connection }),
    });
    void refreshDetail(execution.id);
  };

  return {
    run: () => {
      if (get().run.starting) return;
      if (get().graph.spec.nodes.some((node) => node.block === "io.input")) get().actions.setRunDialogOpen(true);
      else void get().actions.startRun({});
    },

    startRun: async (inputs) => {
      change({ starting: true });
      set((state) => ({ ui: { ...state.ui, startProblem: null } }));
      const saved = await draft.flush();
      const answer = saved ? await api.execute(get().graph.id, inputs, newId()) : null;
      change({ starting: false });
      if (!answer?.ok) {
        const text =
          "The latest changes are not saved yet, so nothing was started. Try again when the network is back.";
        if (!answer) get().actions.toast({ tone: "error", text });
        else if (get().ui.runDialogOpen) set((state) => ({ ui: { ...state.ui, startProblem: answer.problem } }));
        else fail(answer.problem);
        return false;
      }
      leave();
      set((state) => ({
        graph: {
          ...state.graph,
          view: null,
          latestVersion: Math.max(answer.data.version, state.graph.latestVersion ?? 0),
        },
        ui: { ...state.ui, screen: "editor", drawerOpen: true, rowId: null },
      }));
      remember(answer.data);
      follow(answer.data);
      return true;
    },

    cancelRun: async () => {
      const { execution } = get().run;
      if (!execution || isFinal(execution.status)) return;
      change({ cancelling: true });
      const answer = await api.cancel(execution.id);
      change({ cancelling: false });
      if (!answer.ok) fail(answer.problem);
    },

    rerun: async () => {
      const { execution } = get().run;
      if (!execution) return;
      const answer = await api.rerun(execution.id);
      if (!answer.ok) {
        fail(answer.problem);
        return;
      }
      remember(answer.data);
      await get().actions.openRun(answer.data.id, { overDraft: get().graph.view === null });
    },

    openRun: async (id, options = {}) => {
      const answer = await api.execution(id);
      if (!answer.ok) {
        fail(answer.problem);
        return;
      }
      const execution = answer.data;
      const version = options.overDraft ? null : await api.version(get().graph.id, execution.version);
      if (version && !version.ok) {
        fail(version.problem);
        return;
      }
      leave();
      const view = version ? { number: execution.version, spec: version.data.spec, ports: version.data.ports } : null;
      set((state) => ({
        graph: { ...state.graph, view },
        ui: {
          ...state.ui,
          screen: "editor",
          drawerOpen: true,
          rowId: null,
          selection: view ? { nodes: [], links: [], notes: [] } : state.ui.selection,
        },
      }));
      change({ detail: execution });
      follow(execution);
    },

    closeRun: () => {
      leave();
      set((state) => ({
        graph: { ...state.graph, view: null },
        ui: { ...state.ui, drawerOpen: false, rowId: null, inspectorTab: "config" },
      }));
    },

    refreshRuns: async () => {
      const answer = await api.executions(get().graph.id);
      if (answer.ok) change({ recent: answer.data.results });
      else fail(answer.problem);
    },
  };
}
