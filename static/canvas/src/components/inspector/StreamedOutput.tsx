/** Text that a run gives, growing until the value itself is there. */

import { useEffect, useRef } from "react";

import { useNodeStream } from "../../live";
import type { NodeRow } from "../../model/types";
import styles from "../Inspector.module.css";

export function StreamedOutput({ row }: { row: NodeRow }) {
  const stream = useNodeStream(row.node, row.path);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [stream?.text]);
  if (!stream) return null;
  return (
    <section className={styles.streamed} aria-label={`${stream.port}, so far`}>
      <p className={styles.quiet}>
        <b>{stream.port}</b> so far{stream.cut && ": the newest part"}
      </p>
      <pre ref={box} tabIndex={0}>
        {stream.cut && "…"}
        {stream.text}
      </pre>
    </section>
  );
}
