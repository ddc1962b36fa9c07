/** What went into a run and what came out. */

import { failureText } from "../../model/run";
import { isFinal } from "../../model/runs";
import { sizeWords } from "../../model/preview";
import type { Execution, JsonObject } from "../../model/types";
import { useStore } from "../../store";
import { JsonView } from "../JsonView";
import styles from "./DataTab.module.css";

export function DataTab({ execution }: { execution: Execution }) {
  const detail = useStore((state) => (state.run.detail?.id === execution.id ? state.run.detail : null));
  const over = isFinal(execution.status);
  const error = failureText(execution.error);
  return (
    <div className={styles.data}>
      <div>
        <h3>Inputs</h3>
        {detail ? <Values values={detail.inputs} none="This run was started without inputs." /> : <p>Loading…</p>}
      </div>
      <div>
        <h3>Outputs</h3>
        {execution.status === "failed" && error !== "" && <p className={styles.error}>{error}</p>}
        {!over && <p>They are here when the run has ended.</p>}
        {over && (detail ? <Values values={detail.outputs} none="This run gave no outputs." /> : <p>Loading…</p>)}
      </div>
    </div>
  );
}

function Values({ values, none }: { values: JsonObject | null; none: string }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return <p>{none}</p>;
  return entries.map(([name, value]) => (
    <section key={name} className={styles.value}>
      <h4>
        {name} <small>{sizeWords(value)}</small>
      </h4>
      <JsonView value={value} />
    </section>
  ));
}
