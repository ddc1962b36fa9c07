/** Asks for the inputs of a run: one field per `io.input` node. */

import { Play } from "lucide-react";
import { useEffect, useMemo, useState } from "react";

import { fieldPointer, inputFields, startValues, wrongInputs, type RunInput } from "../model/inputs";
import type { JsonObject, ProblemDetails } from "../model/types";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Control, Wrong } from "./form/Control";
import formStyles from "./form/form.module.css";
import { Label } from "./form/ObjectControl";
import { hasUnread } from "./form/useTyped";
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
  const start = async (): Promise<void> => {
    setTried(true);
    if (wrong.size > 0 || starting || hasUnread("run-")) return;
    rememberInputs(graph, values);
    if (await actions().startRun(values)) close();
  };
  useStartKeys(fields[0]?.node ?? "", start);
  return (
    <Dialog
      open
      onClose={close}
      title="Run"
      hint={`${spec.name || "This graph"} asks for:`}
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
      </form>
    </Dialog>
  );
}

/** Puts the cursor into the first field; Ctrl+Enter starts from anywhere. */
function useStartKeys(first: string, start: () => Promise<void>): void {
  useEffect(() => document.getElementById(`run-${first}`)?.focus(), [first]);
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
