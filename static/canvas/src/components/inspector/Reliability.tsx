/** How a node is run: retries, time limit, what a failure does, how many at once. */

import { useId } from "react";

import { readNumber } from "../../model/fieldValue";
import { duration } from "../../model/format";
import type { NodeSpec, Policy } from "../../model/types";
import { isReadOnly } from "../../state";
import { actions, useStore } from "../../store";
import { Wrong } from "../form/Control";
import formStyles from "../form/form.module.css";
import { useTyped } from "../form/useTyped";
import styles from "../Inspector.module.css";

export function Reliability({ node }: { node: NodeSpec }) {
  const readOnly = useStore(isReadOnly);
  const policy = node.policy ?? {};
  return (
    <details className={styles.section}>
      <summary>
        Reliability <small>{words(policy)}</small>
      </summary>
      <div className={styles.two}>
        <NumberPolicy node={node} name="retries" title="Retries" most={100} whole hint="0: the first failure counts" />
        <NumberPolicy
          node={node}
          name="timeout_seconds"
          title="Time limit (seconds)"
          most={86_400}
          hint="Per attempt; 0: none"
        />
      </div>
      <div className={styles.two}>
        <Choice
          title="When it fails"
          value={policy.on_error ?? "stop"}
          options={{ stop: "Stop the run", continue: "Go on elsewhere" }}
          disabled={readOnly}
          pick={(value) => actions().setPolicy(node.key, "on_error", value)}
        />
        <NumberPolicy node={node} name="concurrency" title="At once in a loop" most={10_000} whole hint="0: no limit" />
      </div>
    </details>
  );
}

/** The policy in a few words, for the closed section. */
function words(policy: Policy): string {
  const parts = [
    policy.retries ? `${policy.retries} ${policy.retries === 1 ? "retry" : "retries"}` : "",
    policy.timeout_seconds ? `${duration(policy.timeout_seconds * 1000)} limit` : "",
    policy.on_error === "continue" ? "goes on" : "",
    policy.concurrency ? `${policy.concurrency} at once` : "",
  ].filter((part) => part !== "");
  return parts.length > 0 ? parts.join(", ") : "no retries, no limit";
}

interface NumberPolicyProps {
  node: NodeSpec;
  name: "retries" | "timeout_seconds" | "concurrency";
  title: string;
  hint: string;
  most: number;
  whole?: boolean;
}

function NumberPolicy({ node, name, title, hint, most, whole = false }: NumberPolicyProps) {
  const readOnly = useStore(isReadOnly);
  const id = `policy-${node.key}-${name}`;
  const now = node.policy?.[name] ?? 0;
  const set = (value: number): void => actions().setPolicy(node.key, name, value);
  const field = useTyped({
    id,
    value: now === 0 ? undefined : now,
    write: String,
    read: (text) => readPolicy(text, most, whole),
    onChange: (value) => set(Number(value)),
    onClear: () => set(0),
  });
  return (
    <div className={formStyles.field}>
      <label className={formStyles.label} htmlFor={id}>
        {title}
      </label>
      <input
        id={id}
        className={`${formStyles.input ?? ""} num`}
        inputMode={whole ? "numeric" : "decimal"}
        autoComplete="off"
        placeholder="0"
        value={field.text}
        disabled={readOnly}
        aria-invalid={field.error !== ""}
        onChange={(event) => field.type(event.target.value)}
        onBlur={field.settle}
      />
      {field.error === "" ? <p className={formStyles.hint}>{hint}</p> : <Wrong text={field.error} />}
    </div>
  );
}

function readPolicy(text: string, most: number, whole: boolean): ReturnType<typeof readNumber> {
  const reading = readNumber(text);
  const { value } = reading;
  if (typeof value !== "number") return reading;
  if (value < 0 || (whole && !Number.isInteger(value)))
    return { error: whole ? "A whole number from 0 on." : "0 or more." };
  return value > most ? { error: `The most is ${most.toLocaleString("en")}.` } : reading;
}

interface ChoiceProps<V extends string> {
  title: string;
  value: V;
  options: Readonly<Record<V, string>>;
  disabled: boolean;
  pick: (value: V) => void;
}

function Choice<V extends string>({ title, value, options, disabled, pick }: ChoiceProps<V>) {
  const id = useId();
  return (
    <div className={formStyles.field}>
      <label className={formStyles.label} htmlFor={id}>
        {title}
      </label>
      <select
        id={id}
        className={formStyles.select}
        value={value}
        disabled={disabled}
        onChange={(event) => pick(event.target.value as V)}
      >
        {Object.entries<string>(options).map(([option, label]) => (
          <option key={option} value={option}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
