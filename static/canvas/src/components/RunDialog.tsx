/** Asks for the inputs of a run: one field per `io.input` node. */

import { History, Pin, Play } from "lucide-react";
import { useEffect, useMemo, useState, type ReactNode } from "react";

import { count, moment, shortId } from "../model/format";
import { nodeTitle } from "../model/graph";
import { fieldPointer, inputFields, startValues, wrongInputs, type RunInput } from "../model/inputs";
import { pinnedNodes } from "../model/pinned";
import { statusWord } from "../model/run";
import type { Execution, JsonObject, NodeSpec, ProblemDetails } from "../model/types";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Control, Wrong } from "./form/Control";
import formStyles from "./form/form.module.css";
import { Label } from "./form/ObjectControl";
import { hasUnread } from "./form/useTyped";
import { useNow } from "./useNow";
import { rememberedInputs, rememberInputs } from "./rememberedInputs";
import styles from "./RunDialog.module.css";

export function RunDialog() {
  const open = useStore((state) => state.ui.runDialogOpen);
  return open ? <OpenDialog /> : null;
}

function OpenDialog() {
  const graph = useStore((state) => state.graph.id);
  const spec = useStore((state) => state.graph.spec);
  const starting = useStore((state) => state.run.starting);
  const problem = useStore((state) => state.ui.startProblem);
  const fields = useMemo(() => inputFields(spec), [spec]);
  const [values, setValues] = useState<JsonObject>(() => startValues(inputFields(spec), rememberedInputs(graph)));
  const [tried, setTried] = useState(false);
  const wrong = wrongInputs(fields, values);
  const close = (): void => actions().setRunDialogOpen(false);
  const last = useStore((state) => state.run.execution ?? state.run.recent[0] ?? null);
  const pinned = useMemo(() => pinnedNodes(spec), [spec]);
  const [keep, setKeep] = useState(() => useStore.getState().ui.runKeeps);
  const [pins, setPins] = useState(true);
  useEffect(() => {
    if (useStore.getState().run.recent.length === 0) void actions().refreshRuns();
  }, []);
  const start = async (): Promise<void> => {
    setTried(true);
    if (wrong.size > 0 || starting || hasUnread("run-")) return;
    rememberInputs(graph, values);
    const options = { ...(keep && last ? { keep: last.id } : {}), ...(pinned.length > 0 ? { pins } : {}) };
    if (await actions().startRun(values, options)) close();
  };
  useStartKeys(fields[0]?.node ?? "", start);
  return (
    <Dialog
      open
      onClose={close}
      title="Run"
      {...(fields.length > 0 ? { hint: `${spec.name || "This graph"} asks for:` } : {})}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button
            tone="primary"
            type="submit"
            form="run-inputs"
            icon={<Play size={14} fill="currentColor" />}
            disabled={starting}
          >
            {starting ? "Starting…" : "Start run"}
          </Button>
        </>
      }
    >
      <form
        id="run-inputs"
        className={styles.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {problem && <StartProblem problem={problem} fields={fields} />}
        {fields.map((input) => (
          <InputField
            key={input.node}
            input={input}
            values={values}
            error={refusal(problem, input) || (tried ? (wrong.get(input.field.name) ?? "") : "")}
            setValues={setValues}
          />
        ))}
        {pinned.length > 0 && <PinSwitch nodes={pinned} on={pins} set={setPins} />}
        {last && <KeepSwitch last={last} on={keep} set={setKeep} />}
      </form>
    </Dialog>
  );
}

interface SwitchProps {
  on: boolean;
  set: (on: boolean) => void;
}

function PinSwitch({ nodes, on, set }: SwitchProps & { nodes: readonly NodeSpec[] }) {
  const blocks = useStore((state) => state.catalogue.blocks);
  const names = nodes.map((node) => nodeTitle(node, blocks[node.block]));
  const verb = nodes.length === 1 ? "uses" : "use";
  return (
    <Option id="run-pins" on={on} set={set} icon={<Pin size={14} aria-hidden="true" />}>
      <b>{`${count(nodes.length, "node")} ${verb} pinned data`}</b>
      <small>{on ? shortList(names) : `Not in this run: ${shortList(names)} will run.`}</small>
    </Option>
  );
}

function KeepSwitch({ last, on, set }: SwitchProps & { last: Execution }) {
  const now = useNow(0);
  const words = `${statusWord(last.status).toLowerCase()}, ${moment(last.created_at, now)}`;
  return (
    <Option id="run-keep" on={on} set={set} icon={<History size={14} aria-hidden="true" />}>
      <b>Run only what changed</b>
      <small>{`Takes over results of run ${shortId(last.id)} (${words}) where nothing has changed.`}</small>
    </Option>
  );
}

const NAMED = 3;

function shortList(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function Option({ id, on, set, icon, children }: SwitchProps & { id: string; icon: ReactNode; children: ReactNode }) {
  return (
    <label className={styles.option} htmlFor={id}>
      {icon}
      <span>{children}</span>
      <input
        id={id}
        className={formStyles.toggle}
        type="checkbox"
        role="switch"
        checked={on}
        onChange={(event) => set(event.target.checked)}
      />
    </label>
  );
}

/** Puts the cursor into the first field; Ctrl+Enter starts from anywhere. */
function useStartKeys(first: string, start: () => Promise<void>): void {
  useEffect(() => {
    const target = document.getElementById(`run-${first}`) ?? document.querySelector<HTMLElement>("[form=run-inputs]");
    target?.focus();
  }, [first]);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      event.stopPropagation();
      void start();
    };
    document.addEventListener("keydown", press, true);
    return () => document.removeEventListener("keydown", press, true);
  }, [start]);
}

interface InputFieldProps {
  input: RunInput;
  values: JsonObject;
  error: string;
  setValues: (values: JsonObject) => void;
}

function InputField({ input, values, error, setValues }: InputFieldProps) {
  const { field } = input;
  const id = `run-${input.node}`;
  return (
    <div className={formStyles.field}>
      <div className={formStyles.label}>
        <Label id={id} field={field} value={values[field.name]} />
        <span className={formStyles.side}>{input.type}</span>
      </div>
      <Control
        shape={field.shape}
        id={id}
        value={values[field.name]}
        initial={field.initial}
        placeholder={field.placeholder}
        disabled={false}
        invalid={error !== ""}
        onChange={(value) => setValues({ ...values, [field.name]: value })}
        onClear={() => setValues(Object.fromEntries(Object.entries(values).filter(([name]) => name !== field.name)))}
      />
      <Wrong text={error} />
      {field.description !== "" && <p className={formStyles.hint}>{field.description}</p>}
    </div>
  );
}

/** What the server says about one input. */
function refusal(problem: ProblemDetails | null, input: RunInput): string {
  return problem?.errors.find((error) => fieldPointer(error.pointer) === input.field.name)?.detail ?? "";
}

/** What the server says about everything else: the graph cannot run as it is. */
function StartProblem({ problem, fields }: { problem: ProblemDetails; fields: readonly RunInput[] }) {
  const names = new Set(fields.map((input) => input.field.name));
  const others = problem.errors.filter((error) => !names.has(fieldPointer(error.pointer)));
  if (others.length === 0 && problem.errors.length > 0) return null;
  return (
    <div className={styles.refused} role="alert">
      <b>{problem.title}</b>
      {others.length === 0 && <p>{problem.detail}</p>}
      <ul>
        {others.map((error) => (
          <li key={error.pointer + error.detail}>{error.detail}</li>
        ))}
      </ul>
    </div>
  );
}
