/** Chooses a credential by its name, or goes and makes one; its secrets never come here. */

import { ExternalLink } from "lucide-react";
import { useEffect, useState } from "react";

import { api } from "../../api/client";
import type { Shape } from "../../model/schemaForm";
import type { CredentialRow } from "../../model/types";
import { useStore } from "../../store";
import type { ControlProps } from "./Control";
import styles from "./form.module.css";
import row from "./GraphControl.module.css";

type CredentialShape = Extract<Shape, { kind: "credential" }>;

export function CredentialControl({
  shape,
  id,
  name,
  value,
  disabled,
  invalid,
  onChange,
  onClear,
}: ControlProps<CredentialShape>) {
  const home = useStore((state) => state.home);
  const found = useCredentials(shape.kinds);
  const chosen = typeof value === "string" ? value : "";
  const isKnown = found?.some((credential) => credential.id === chosen) ?? false;
  const [only] = shape.kinds;
  const make = shape.kinds.length === 1 && only !== undefined ? `credentials/new/${only}/` : "credentials/";
  return (
    <div className={row.row}>
      <select
        id={id}
        aria-label={name}
        className={styles.select}
        value={chosen}
        disabled={disabled}
        aria-invalid={invalid}
        onChange={(event) => (event.target.value === "" ? onClear() : onChange(event.target.value))}
      >
        <option value="">None</option>
        {chosen !== "" && !isKnown && (
          <option value={chosen}>{found === null ? "…" : "One that you may not use, or that is gone"}</option>
        )}
        {found?.map((credential) => (
          <option key={credential.id} value={credential.id}>
            {label(credential, found)}
          </option>
        ))}
      </select>
      <a href={`${home}${isKnown ? `credentials/${chosen}/` : make}`} target="_blank" rel="noopener">
        {isKnown ? "Open" : "Make one"} <ExternalLink size={12} aria-hidden="true" />
      </a>
    </div>
  );
}

/** The name, with its owner where another one is called the same. */
function label(credential: CredentialRow, all: readonly CredentialRow[]): string {
  const isTwice = all.some((other) => other.name === credential.name && other.id !== credential.id);
  return `${credential.name}${isTwice ? ` (${credential.owner.name})` : ""}${credential.problem ? " – not ready" : ""}`;
}

/** Those that the user may use; asked for again when the window has the focus, as after making one in another tab. */
function useCredentials(kinds: readonly string[]): readonly CredentialRow[] | null {
  const [found, setFound] = useState<readonly CredentialRow[] | null>(null);
  const wanted = kinds.join(",");
  useEffect(() => {
    let isGone = false;
    const ask = (): void => {
      void api.credentials(wanted.split(",")).then((answer) => {
        if (isGone) return;
        const rows = answer.ok ? answer.data.results : [];
        setFound(rows.toSorted((a, b) => a.name.localeCompare(b.name)));
      });
    };
    ask();
    window.addEventListener("focus", ask);
    return () => {
      isGone = true;
      window.removeEventListener("focus", ask);
    };
  }, [wanted]);
  return found;
}
