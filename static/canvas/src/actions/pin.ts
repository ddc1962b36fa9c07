/** Pinning what a run of a node gave: all of its values are read first. */

import { api } from "../api/client";
import { bytes } from "../model/format";
import { jsonBytes, MOST_PINNED_BYTES, pinnedOf } from "../model/pinned";
import type { NodeOutput, NodeRow } from "../model/types";
import { portsOf, type Actions } from "../state";
import type { Get } from "../store";

type PinActions = Pick<Actions, "pinRow">;

/** What could not be read, in words. */
type Outputs = NodeOutput[] | string;

const TOO_LARGE = `This output is larger than ${bytes(MOST_PINNED_BYTES)}: too much to be kept in the graph.`;

export function pinActions(get: Get): PinActions {
  return {
    pinRow: async (row) => {
      const execution = get().run.execution?.id ?? "";
      const outputs = await allOutputs(execution, row);
      const { toast, setPinned, undo } = get().actions;
      if (typeof outputs === "string") {
        toast({ tone: "error", text: outputs });
        return;
      }
      const pinned = pinnedOf(outputs, portsOf(get(), row.node)?.outputs ?? []);
      if (jsonBytes(pinned) > MOST_PINNED_BYTES) {
        toast({ tone: "error", text: TOO_LARGE });
        return;
      }
      setPinned(row.node, pinned);
      toast({
        tone: "info",
        text: "Pinned: the node gives these values instead of running.",
        action: { label: "Undo", run: undo },
      });
    },
  };
}

async function allOutputs(execution: string, row: NodeRow): Promise<Outputs> {
  const first = await api.nodeRow(execution, row.id);
  if (!first.ok) return first.problem.detail;
  const found = first.data.outputs;
  let more = first.data.more_outputs === true;
  while (more) {
    const next = await api.nodeRowAfter(execution, row.id, found.at(-1)?.index ?? -1);
    if (!next.ok) return next.problem.detail;
    found.push(...next.data.outputs);
    more = next.data.more_outputs === true;
    if (sizeOf(found) > MOST_PINNED_BYTES) return TOO_LARGE;
  }
  return sizeOf(found) > MOST_PINNED_BYTES ? TOO_LARGE : wholeOutputs(execution, row, found);
}

function sizeOf(outputs: readonly NodeOutput[]): number {
  return outputs.reduce((sum, output) => sum + (output.size ?? 0), 0);
}

async function wholeOutputs(execution: string, row: NodeRow, outputs: readonly NodeOutput[]): Promise<Outputs> {
  const whole: NodeOutput[] = [];
  for (const output of outputs) {
    const answer = output.truncated ? await api.wholeOutput(execution, row.id, output.index) : null;
    if (answer && !answer.ok) return answer.problem.detail;
    whole.push(answer ? { ...output, value: answer.data } : output);
  }
  return whole;
}
