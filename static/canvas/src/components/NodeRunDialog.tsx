/** Runs one node alone: its inputs are those of the shown run, to be changed. */

import { Play } from "lucide-react";
import { useEffect, useState } from "react";

import { api } from "../api/client";
import { nodeRows } from "../live";
import { bytes } from "../model/format";
import { findNode, linksInto, nodeTitle } from "../model/graph";
import { itemName, rowsInOrder, tellingRow } from "../model/run";
import { soloFields, soloInputs, type SoloField } from "../model/solo";
import type { JsonObject, NodeRowDetail, ProblemDetails } from "../model/types";
import { blockOf, portsOf, shownSpec } from "../state";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Control } from "./form/Control";
import formStyles from "./form/form.module.css";
import { Label } from "./form/ObjectControl";
import { hasUnread } from "./form/useTyped";
import inspectorStyles from "./Inspector.module.css";
import { oldVersionNote } from "./again";
import styles from "./RunDialog.module.css";

export function NodeRunDialog() {
  const key = useStore((state) => state.ui.nodeRun);
  return key === null ? null : <OpenDialog key={key} nodeKey={key} />;
}

function OpenDialog({ nodeKey }: { nodeKey: string }) {
  const title = useStore((state) => {
    const node = findNode(shownSpec(state), nodeKey);
    return nodeTitle(node, blockOf(state, node)) || nodeKey;
  });
  const note = useStore(oldVersionNote);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const [busy, setBusy] = useState(false);
  const { name, detail } = useRecorded(nodeKey, setProblem);
  const [changed, setChanged] = useState<JsonObject>({});
  const fields = useFields(nodeKey, detail);
  const close = (): void => actions().setNodeRun(null);
  const start = async (): Promise<void> => {
    if (busy || hasUnread("solo-")) return;
    setBusy(true);
    const refused = await actions().retry({ node: nodeKey, inputs: soloInputs(fields, changed) });
    setBusy(false);
    setProblem(refused);
    if (!refused) close();
  };
  useEffect(() => void actions().loadRan(), []);
  // Once the values are there the first of them has the cursor.
  useEffect(() => {
    document.querySelector<HTMLElement>("#solo-inputs :is(input, textarea, select)")?.focus();
  }, [detail]);
  return (
    <Dialog
      open
      onClose={close}
      title={`Run ${title} alone`}
      hint={name === "" ? "With these inputs:" : `With the inputs of ${name.toLowerCase()}:`}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button
            tone="primary"
            type="submit"
            form="solo-inputs"
            icon={<Play size={14} fill="currentColor" />}
            disabled={busy}
          >
            {busy ? "Starting…" : "Run node"}
          </Button>
        </>
      }
    >
      <form
        id="solo-inputs"
        className={styles.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {problem && <Refused problem={problem} />}
        <SoloFields fields={fields} main changed={changed} setChanged={setChanged} />
        {fields.length === 0 && <p className={inspectorStyles.quiet}>This node needs no input.</p>}
        {fields.some((one) => !one.main) && (
          <details className={styles.more}>
            <summary>Other inputs</summary>
            <div className={styles.form}>
              <SoloFields fields={fields} main={false} changed={changed} setChanged={setChanged} />
            </div>
          </details>
        )}
        {note !== "" && <p className={formStyles.hint}>{note}</p>}
      </form>
    </Dialog>
  );
}

/** What the shown run of the node was given. */
function useRecorded(
  nodeKey: string,
  fail: (problem: ProblemDetails) => void,
): { name: string; detail: NodeRowDetail | null } {
  const execution = useStore((state) => state.run.execution?.id ?? "");
  const rowId = useStore((state) => state.ui.rowId);
  const [detail, setDetail] = useState<NodeRowDetail | null>(null);
  const rows = rowsInOrder(nodeRows(nodeKey));
  const row = rows.find((one) => one.id === rowId) ?? tellingRow(rows);
  const id = row?.status === "skipped" ? "" : (row?.id ?? "");
  useEffect(() => {
    if (id === "" || execution === "") return;
    void api.nodeRow(execution, id).then((answer) => {
      if (answer.ok) setDetail(answer.data);
      else fail(answer.problem);
    });
  }, [execution, id, fail]);
  return { name: row && rows.length > 1 ? itemName(row) : "", detail };
}

function useFields(nodeKey: string, detail: NodeRowDetail | null): SoloField[] {
  const ports = useStore((state) => portsOf(state, nodeKey)?.inputs);
  const spec = useStore(shownSpec);
  const linked = new Set(linksInto(spec, nodeKey).map((link) => link.sink_port.split(".")[0] ?? ""));
  return soloFields(ports ?? [], linked, findNode(spec, nodeKey)?.config ?? {}, detail);
}

interface SoloFieldsProps {
  fields: readonly SoloField[];
  main: boolean;
  changed: JsonObject;
  setChanged: (changed: JsonObject) => void;
}

function SoloFields({ fields, main, changed, setChanged }: SoloFieldsProps) {
  return fields
    .filter((one) => one.main === main)
    .map(({ field, recorded, cut }) => {
      const id = `solo-${field.name}`;
      return (
        <div key={field.name} className={formStyles.field}>
          <div className={formStyles.label}>
            <Label id={id} field={field} value={changed[field.name] ?? recorded} />
          </div>
          <Control
            shape={field.shape}
            id={id}
            value={changed[field.name] ?? recorded}
            initial={field.initial}
            placeholder={field.placeholder}
            disabled={false}
            invalid={false}
            onChange={(value) => setChanged({ ...changed, [field.name]: value })}
            onClear={() =>
              setChanged(Object.fromEntries(Object.entries(changed).filter(([name]) => name !== field.name)))
            }
          />
          {cut > 0 && (
            <p className={formStyles.hint}>The value of the run ({bytes(cut)}) is too large to be edited here.</p>
          )}
        </div>
      );
    });
}

function Refused({ problem }: { problem: ProblemDetails }) {
  return (
    <div className={styles.refused} role="alert">
      <b>{problem.title}</b>
      {problem.errors.length === 0 && <p>{problem.detail}</p>}
      <ul>
        {problem.errors.map((error) => (
          <li key={error.pointer + error.detail}>{error.detail}</li>
        ))}
      </ul>
    </div>
  );
}
