/** The form of a node: its block's inputs, how it is run, and what the block is. */

import { useShallow } from "zustand/react/shallow";

import { findNode, linksInto, nodeTitle, portRoot, problemField } from "../../model/graph";
import { fieldsOf, shapeOf, TYPES, type Field } from "../../model/schemaForm";
import type { BlockDescription, NodePorts, NodeSpec, Port, Problem, Schema } from "../../model/types";
import { blockOf, isReadOnly, portsOf, shownSpec, type State } from "../../state";
import { actions, useStore } from "../../store";
import { FormField, type FedBy } from "../form/FormField";
import styles from "../Inspector.module.css";
import { BlockAbout } from "./BlockAbout";
import { JoinField } from "./JoinField";
import { PinnedData } from "./PinnedData";
import { ProblemList } from "./ProblemList";
import { Reliability } from "./Reliability";

export function ConfigTab({ nodeKey }: { nodeKey: string }) {
  const node = useStore((state) => findNode(shownSpec(state), nodeKey));
  const block = useStore((state) => blockOf(state, node));
  const ports = useStore((state) => portsOf(state, nodeKey));
  const problems = useStore(useShallow((state) => problemsOf(state, nodeKey)));
  if (!node) return null;
  const fields = formFields(node, block, ports);
  const named = new Set(fields.map((field) => field.name));
  const settings = folded(fields);
  const plain = settings.length > 0 ? fields.filter((field) => !field.setting) : fields;
  return (
    <div className={styles.form}>
      <ProblemList problems={problems.filter((problem) => !named.has(problemField(problem)))} />
      <JoinField node={node} problems={problems} />
      <PinnedData node={node} ports={ports} />
      {!block && (
        <p className={styles.quiet}>
          This block is not installed here. The node is kept as it is, but the graph cannot run.
        </p>
      )}
      <Fields node={node} fields={plain} ports={ports} problems={problems} />
      {settings.length > 0 && (
        <details className={styles.section} open={settings.some((field) => node.config[field.name] !== undefined)}>
          <summary>
            Settings <small>{settingWords(settings, node)}</small>
          </summary>
          <div className={styles.fold}>
            <Fields node={node} fields={settings} ports={ports} problems={problems} />
          </div>
        </details>
      )}
      {fields.length === 0 && block && <p className={styles.quiet}>This block needs no input.</p>}
      <Reliability node={node} />
      {block && <BlockAbout block={block} node={node} />}
    </div>
  );
}

/** Two settings are shown at once, more are folded away. */
function folded(fields: readonly Field[]): Field[] {
  const settings = fields.filter((field) => field.setting);
  return settings.length > 2 ? settings : [];
}

function settingWords(settings: readonly Field[], node: NodeSpec): string {
  const changed = settings.filter((field) => node.config[field.name] !== undefined);
  return changed.length === 0 ? "as usual" : changed.map((field) => field.title.toLowerCase()).join(", ");
}

interface FieldsProps {
  node: NodeSpec;
  fields: readonly Field[];
  ports: NodePorts | undefined;
  problems: readonly Problem[];
}

function Fields({ node, fields, ports, problems }: FieldsProps) {
  return fields.map((field) => (
    <NodeField
      key={field.name}
      node={node}
      field={field}
      port={ports?.inputs.find((port) => port.name === field.name)}
      problems={problems.filter((problem) => problemField(problem) === field.name)}
    />
  ));
}

/** Problems belong to the draft; an earlier version is shown without. */
function problemsOf(state: State, key: string): Problem[] {
  return state.graph.view ? [] : state.graph.problems.filter((problem) => problem.node === key);
}

const known = new WeakMap<Schema, Field[]>();

/** The block's fields, then inputs that only this node has, then config that no input takes. */
function formFields(node: NodeSpec, block: BlockDescription | undefined, ports: NodePorts | undefined): Field[] {
  const schema: Schema = block?.config_schema ?? {};
  const fields = known.get(schema) ?? fieldsOf(schema);
  known.set(schema, fields);
  const names = new Set(fields.map((field) => field.name));
  const extra = (ports?.inputs ?? []).filter((port) => !names.has(port.name)).map(portField);
  for (const field of extra) names.add(field.name);
  const stray = Object.keys(node.config).filter((name) => !names.has(name));
  return [...fields, ...extra, ...stray.map((name) => strayField(name, block !== undefined))];
}

function portField(port: Port): Field {
  return {
    name: port.name,
    title: port.title || port.name,
    description: port.description,
    placeholder: "",
    required: port.required,
    initial: port.required ? undefined : port.default,
    shape: shapeOf(port.schema),
    typedBy: "",
    setting: false,
  };
}

function strayField(name: string, blockKnown: boolean): Field {
  return {
    name,
    title: name,
    description: blockKnown ? "The block has no such input." : "",
    placeholder: "",
    required: false,
    initial: undefined,
    shape: { kind: "any", options: [] },
    typedBy: "",
    setting: false,
  };
}

interface NodeFieldProps {
  node: NodeSpec;
  field: Field;
  port: Port | undefined;
  problems: readonly Problem[];
}

function NodeField({ node, field, port, problems }: NodeFieldProps) {
  const readOnly = useStore(isReadOnly);
  const links = useStore(useShallow((state) => linksInto(shownSpec(state), node.key, field.name)));
  const titles = useStore(useShallow((state) => links.map((link) => titleOf(state, link.source))));
  const fed: FedBy[] = links.map((link, index) => ({ link, title: titles[index] ?? link.source }));
  return (
    <FormField
      id={`config-${node.key}-${portRoot(field.name)}`}
      field={typed(field, node)}
      kind={port?.kind ?? "value"}
      value={node.config[field.name]}
      links={fed}
      problems={problems}
      disabled={readOnly}
      onChange={(value) => actions().setConfig(node.key, field.name, value)}
      onReset={() => actions().unsetConfig(node.key, field.name)}
      onUnlink={(link) => actions().removeLink(link)}
      onShowSource={(key) => actions().selectNode(key)}
    />
  );
}

/** A field whose type another field names gets the shape of that type. */
function typed(field: Field, node: NodeSpec): Field {
  if (field.typedBy === "") return field;
  const type = node.config[field.typedBy];
  return { ...field, shape: shapeOf((typeof type === "string" ? TYPES[type] : undefined) ?? {}) };
}

function titleOf(state: State, key: string): string {
  const node = findNode(shownSpec(state), key);
  return nodeTitle(node, blockOf(state, node)) || key;
}
