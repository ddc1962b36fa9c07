/** What a run of a node gave, port by port; the rest of long streams and large values on demand. */

import { useState } from "react";

import { api } from "../../api/client";
import { bytes, count } from "../../model/format";
import { sizeWords } from "../../model/preview";
import { outputsByPort } from "../../model/run";
import type { Json, NodeOutput, NodeRow, NodeRowDetail } from "../../model/types";
import { actions, useStore } from "../../store";
import { Button } from "../Button";
import styles from "../Inspector.module.css";
import { Value } from "./Value";

export function Outputs({ row, detail }: { row: NodeRow; detail: NodeRowDetail }) {
  const execution = useStore((state) => state.run.execution?.id ?? "");
  const [later, setLater] = useState<{ outputs: NodeOutput[]; more: boolean }>({ outputs: [], more: true });
  const outputs = [...detail.outputs, ...later.outputs];
  const more = detail.more_outputs === true && later.more;
  const readOn = async (): Promise<void> => {
    const answer = await api.nodeRowAfter(execution, detail.id, outputs.at(-1)?.index ?? -1);
    if (!answer.ok) actions().toast({ tone: "error", text: answer.problem.detail });
    else setLater({ outputs: [...later.outputs, ...answer.data.outputs], more: answer.data.more_outputs === true });
  };
  if (outputs.length === 0) {
    if (row.status === "failed" || row.status === "skipped") return null;
    return <p className={styles.quiet}>{row.ended_at === null ? "No output yet." : "This run gave no output."}</p>;
  }
  return (
    <>
      {[...outputsByPort(outputs)].map(([port, values]) => (
        <PortValues key={port} port={port} values={values} row={row} more={more} />
      ))}
      {more && (
        <div>
          <Button onClick={() => void readOn()}>Load more values</Button>
        </div>
      )}
    </>
  );
}

interface PortProps {
  port: string;
  values: readonly NodeOutput[];
  row: NodeRow;
  more: boolean;
}

/** The value of a port as it is; several, of a stream, as a list. */
function PortValues({ port, values, row, more }: PortProps) {
  const [first] = values;
  if (first && values.length === 1) return <OneValue output={first} row={row} />;
  const cut = values.some((output) => output.truncated);
  return (
    <Value
      name={port}
      words={`${count(values.length, "value")}${more ? " so far" : ""}`}
      value={values.map((output) => output.value)}
    >
      {cut && <p className={styles.quiet}>Large values are cut here.</p>}
    </Value>
  );
}

/** More is not drawn in the page, but opened by itself. */
const MOST_BYTES = 5_000_000;

function OneValue({ output, row }: { output: NodeOutput; row: NodeRow }) {
  const execution = useStore((state) => state.run.execution?.id ?? "");
  const [whole, setWhole] = useState<{ value: Json } | null>(null);
  const { size = 0, truncated = false, url } = output;
  const load = async (): Promise<void> => {
    const answer = await api.wholeOutput(execution, row.id, output.index);
    if (answer.ok) setWhole({ value: answer.data });
    else actions().toast({ tone: "error", text: answer.problem.detail });
  };
  const value = whole ? whole.value : output.value;
  return (
    <Value name={output.port} words={sizeWords(value, size)} value={value}>
      {truncated && !whole && (
        <p className={styles.cut}>
          Only the beginning of {bytes(size)}.
          {size <= MOST_BYTES && <Button onClick={() => void load()}>Load all</Button>}
          {url !== undefined && (
            <a href={url} target="_blank" rel="noreferrer">
              Open as JSON
            </a>
          )}
        </p>
      )}
    </Value>
  );
}
