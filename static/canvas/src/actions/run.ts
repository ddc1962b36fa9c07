/** Verbs of running: start, watch, cancel, look at an earlier run. */

import { api } from "../api/client";
import { newId, type Draft } from "../draft";
import { applyRows, applyTransient, clearLive, nodeRows } from "../live";
import { findNode, nodeTitle } from "../model/graph";
import { changesBetween, changeWords } from "../model/changes";
import { inputFields } from "../model/inputs";
import { pinnedNodes } from "../model/pinned";
import { refusedRepeats, repeats, retryBody, type RetryChoice } from "../model/rerun";
import type { Execution, ExecutionFrame, JsonObject, Problem, ProblemDetails } from "../model/types";
import { isFinal } from "../model/runs";
import { blockOf, shownSpec, type Actions, type RunSlice, type State } from "../state";
import type { Get, Set } from "../store";
import { watchExecution, type Watch } from "../watch";

type RunActions = Pick<
  Actions,
  "run" | "startRun" | "cancelRun" | "rerun" | "retry" | "loadRan" | "openRun" | "closeRun" | "refreshRuns"
>;

const NOT_SAVED = "The latest changes are not saved yet, so nothing was started. Try again when the network is back.";

/** A refusal of our own, before the server is asked. */
function refusal(problems: readonly Problem[]): ProblemDetails {
  const errors = problems.map(({ pointer, detail, code, node }) => ({ pointer, detail, code, node }));
  return { type: "about:blank", title: "This graph cannot run yet", status: 422, detail: "", errors };
}

function errorsOf(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem) => problem.severity === "error");
}

/** The inputs of the shown run that the draft still asks for. */
function inputsOf({ run, graph }: State, execution: string): JsonObject {
  const given = run.detail?.id === execution ? run.detail.inputs : {};
  const names = new Set(inputFields(graph.spec).map(({ field }) => field.name));
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)));
}

/** In words what the draft changes about what the shown run ran; null when that is not known. */
export function changedSince({ run, graph }: State): string | null {
  if (run.ran === null || run.ran.execution !== run.execution?.id) return null;
  return changeWords(changesBetween(run.ran.spec, graph.spec));
}

export function runActions(set: Set, get: Get, draft: Draft): RunActions {
  let watch: Watch | null = null;
  const change = (part: Partial<RunSlice>): void => set((state) => ({ run: { ...state.run, ...part } }));
  const fail = (problem: ProblemDetails): void =>
    get().actions.toast({ tone: "error", text: problem.errors[0]?.detail ?? problem.detail });

  const leave = (): void => {
    watch?.close();
    watch = null;
    clearLive();
    change({
      execution: null,
      events: [],
      heldUpBy: "",
      detail: null,
      ran: null,
      seq: 0,
      connection: "idle",
      cancelling: false,
    });
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
      applyTransient(frame);
      return;
    }
    applyRows(frame.nodes);
    const before = get().run.execution;
    const { execution } = frame;
    const { events, held_up_by: heldUpBy } = execution;
    change({ execution, events, heldUpBy, seq: Math.max(get().run.seq, frame.seq) });
    if (before?.status !== execution.status) remember(execution);
    // Outputs come at the end.
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

  const showStarted = (execution: Execution): void => {
    leave();
    set((state) => ({
      graph: {
        ...state.graph,
        view: null,
        latestVersion: Math.max(execution.version, state.graph.latestVersion ?? 0),
      },
      ui: { ...state.ui, screen: "editor", drawerOpen: true, rowId: null },
    }));
    remember(execution);
    follow(execution);
  };

  /** The draft's errors; asked of the server when this page knows of any, since others edit too. */
  const draftErrors = async (): Promise<Problem[]> => {
    const known = errorsOf(get().graph.problems);
    if (known.length === 0) return known;
    const answer = await api.validate(get().graph.id);
    if (!answer.ok) return known;
    set((state) => ({ graph: { ...state.graph, problems: answer.data.problems } }));
    return errorsOf(answer.data.problems);
  };

  const refuse = (problem: ProblemDetails): void => {
    if (get().ui.runDialogOpen) {
      set((state) => ({ ui: { ...state.ui, startProblem: problem } }));
      return;
    }
    const [first] = problem.errors;
    const more = problem.errors.length > 1 ? ` And ${problem.errors.length - 1} more.` : "";
    const node = first?.node ?? "";
    get().actions.toast({
      tone: "error",
      text: `${first?.detail ?? problem.detail}${more}`,
      ...(node === "" ? {} : { action: { label: "Show", run: () => get().actions.selectNode(node) } }),
    });
  };

  /** The page of one run goes to the page of the other; elsewhere nothing happens, and it answers false. */
  const visit = (id: string): boolean => {
    if (get().runPage) window.location.assign(`${get().home}executions/${id}/`);
    return get().runPage;
  };

  /** Asks whether steps may happen again that must happen once. */
  const ask = (choice: RetryChoice, steps: readonly { node: string; detail: string }[]): void => {
    const state = get();
    const named = steps.map(({ node, detail }) => {
      const spec = findNode(shownSpec(state), node);
      return { node, detail: nodeTitle(spec, blockOf(state, spec)) || detail };
    });
    set(({ ui }) => ({ ui: { ...ui, repeat: { choice, steps: named } } }));
  };

  /** Steps that would happen again; the graph that ran decides, the draft stands for it until it is known. */
  const foreseen = (choice: RetryChoice): { node: string; detail: string }[] => {
    const { run, catalogue } = get();
    const spec = run.ran?.execution === run.execution?.id && run.ran ? run.ran.spec : shownSpec(get());
    return repeats(spec, (block) => catalogue.blocks[block]?.effect, nodeRows, choice).map((node) => ({
      node,
      detail: node,
    }));
  };

  return {
    run: () => {
      if (get().run.starting) return;
      const { spec } = get().graph;
      const asks = spec.nodes.some((node) => node.block === "io.input") || pinnedNodes(spec).length > 0;
      if (asks) get().actions.setRunDialogOpen(true);
      else void get().actions.startRun({});
    },

    startRun: async (inputs, options = {}) => {
      change({ starting: true });
      set((state) => ({ ui: { ...state.ui, startProblem: null } }));
      const saved = await draft.flush();
      const errors = saved ? await draftErrors() : [];
      const answer = saved && errors.length === 0 ? await api.execute(get().graph.id, inputs, newId(), options) : null;
      change({ starting: false });
      if (!answer?.ok) {
        if (!saved) get().actions.toast({ tone: "error", text: NOT_SAVED });
        else refuse(answer?.problem ?? refusal(errors));
        return false;
      }
      showStarted(answer.data);
      return true;
    },

    loadRan: async () => {
      const { run, graph } = get();
      const { execution } = run;
      if (!execution || run.ran?.execution === execution.id) return;
      const shown = graph.view?.number === execution.version ? graph.view.spec : null;
      const answer = shown ? null : await api.version(graph.id, execution.version);
      const spec = shown ?? (answer?.ok ? answer.data.spec : null);
      if (spec && get().run.execution?.id === execution.id) change({ ran: { execution: execution.id, spec } });
    },

    retry: async (choice, repeatOnce = false) => {
      const { execution } = get().run;
      if (!execution) return null;
      await get().actions.loadRan();
      const changed = get().graph.view === null && Boolean(changedSince(get()));
      const steps = repeatOnce ? [] : foreseen(choice);
      if (steps.length > 0) {
        ask(choice, steps);
        return null;
      }
      if ("failed" in choice && changed) {
        // On the draft one sees what will run: what was mended since runs mended.
        await get().actions.startRun(inputsOf(get(), execution.id), { keep: execution.id });
        return null;
      }
      const answer = await api.retry(execution.id, retryBody(choice, repeatOnce), newId());
      if (!answer.ok) {
        const refused = refusedRepeats(answer.problem);
        if (refused && !repeatOnce) ask(choice, refused);
        return refused && !repeatOnce ? null : answer.problem;
      }
      if (get().graph.view === null && !changed) {
        showStarted(answer.data);
        return null;
      }
      remember(answer.data);
      if (!visit(answer.data.id)) await get().actions.openRun(answer.data.id);
      return null;
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
      if (!visit(answer.data.id)) await get().actions.openRun(answer.data.id, { overDraft: get().graph.view === null });
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
      change({ detail: execution, events: execution.events, heldUpBy: execution.held_up_by });
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
