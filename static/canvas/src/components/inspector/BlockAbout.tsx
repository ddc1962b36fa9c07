/** What a block does, with its examples, and the node's key. */

import { oneLine } from "../../model/preview";
import type { BlockDescription, BlockExample, JsonObject, NodeSpec } from "../../model/types";
import styles from "../Inspector.module.css";

const EFFECTS: Readonly<Record<BlockDescription["effect"], string>> = {
  pure: "Only computes: safe to repeat.",
  idempotent: "May be repeated after a crash.",
  once: "Never repeated by itself after a crash.",
};

export function BlockAbout({ block, node }: { block: BlockDescription; node: NodeSpec }) {
  return (
    <details className={styles.section}>
      <summary>
        About this block <small>{block.id}</small>
      </summary>
      {block.description !== "" && <p>{block.description}</p>}
      <p className={styles.quiet}>{EFFECTS[block.effect]}</p>
      {block.examples.slice(0, 4).map((example, index) => (
        <Example key={index} example={example} />
      ))}
      <dl className={styles.facts}>
        <dt>Key</dt>
        <dd>
          <code>{node.key}</code>
        </dd>
      </dl>
    </details>
  );
}

function Example({ example }: { example: BlockExample }) {
  return (
    <div className={styles.example}>
      {example.title !== "" && <b>{example.title}</b>}
      <Side word="in" values={example.input} />
      <Side word="out" values={example.output} />
    </div>
  );
}

function Side({ word, values }: { word: string; values: JsonObject }) {
  return (
    <div>
      <span>{word}</span>
      <code>
        {Object.entries(values)
          .map(([name, value]) => `${name}: ${oneLine(value, 60)}`)
          .join("\n")}
      </code>
    </div>
  );
}
