/** Names of other graphs by their ids. */

import { useEffect, useState } from "react";

import { api } from "../api/client";

/** Names that were read or picked; a graph that is renamed meanwhile keeps its old name until the page is read anew. */
const names = new Map<number, string>();

export function rememberGraphName({ id, name }: { id: number; name: string }): void {
  names.set(id, name);
}

/** The name of a graph; empty until it is known, or when it may not be seen. */
export function useGraphName(id: number | null): string {
  const [, setKnown] = useState(0);
  useEffect(() => {
    if (id === null || names.has(id)) return undefined;
    let wanted = true;
    void api.graph(id).then((answer) => {
      if (!answer.ok) return;
      names.set(id, answer.data.name);
      if (wanted) setKnown((count) => count + 1);
    });
    return () => {
      wanted = false;
    };
  }, [id]);
  return id === null ? "" : (names.get(id) ?? "");
}
