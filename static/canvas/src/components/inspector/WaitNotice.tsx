/** What a run of a node waits for, and the way to where it goes on. */

import { Hourglass } from "lucide-react";

import { clock } from "../../model/format";
import type { Waiting } from "../../model/types";
import { useStore } from "../../store";
import styles from "../Inspector.module.css";
import { useWaitWords } from "../useWait";

export function WaitNotice({ waiting }: { waiting: Waiting }) {
  const home = useStore((state) => state.home);
  const words = useWaitWords(waiting);
  return (
    <div className={styles.wait}>
      <Hourglass size={14} aria-hidden="true" />
      <p>
        <b>{words.charAt(0).toUpperCase() + words.slice(1)}.</b>{" "}
        {waiting.until !== undefined && waiting.for === "timer" && `At ${clock(waiting.until)} it goes on by itself. `}
        {waiting.child !== undefined && <a href={`${home}executions/${waiting.child}/`}>Open that run</a>}
      </p>
    </div>
  );
}
