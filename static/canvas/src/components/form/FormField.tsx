/** One input of a node: its label, its input or the links that feed it, help and problems. */

import { Link2, Unlink } from "lucide-react";

import { fieldErrors, same } from "../../model/fieldValue";
import { portMember } from "../../model/graph";
import type { Field } from "../../model/schemaForm";
import type { Json, LinkSpec, PortKind, Problem } from "../../model/types";
import { ItemButton } from "./ListControl";
import { Control, Wrong } from "./Control";
import styles from "./form.module.css";
import { Label } from "./ObjectControl";

export interface FedBy {
  link: LinkSpec;
  /** What people call the source node. */
  title: string;
}

interface FormFieldProps {
  id: string;
  field: Field;
  kind: PortKind;
  value: Json | undefined;
  links: readonly FedBy[];
  problems: readonly Problem[];
  disabled: boolean;
  onChange: (value: Json) => void;
  onReset: () => void;
  onUnlink: (link: LinkSpec) => void;
  onShowSource: (key: string) => void;
}

const KIND_WORDS: Readonly<Record<PortKind, string>> = {
  value: "",
  stream: "many values",
  collect: "collects a loop",
  gather: "gathers branches",
};

export function FormField(props: FormFieldProps) {
  const { id, field, kind, value, links, disabled } = props;
  const whole = links.some((fed) => portMember(fed.link.sink_port) === "");
  const arrivals = links.filter((fed) => portMember(fed.link.sink_port) === "").length;
  const resettable = value !== undefined && !disabled && field.initial !== undefined && !same(value, field.initial);
  return (
    <div className={styles.field} data-field={field.name}>
      <div className={styles.label}>
        {/* A linked field has no input to name. */}
        {whole ? <span>{field.title}</span> : <Label id={id} field={field} value={value} />}
        <span className={styles.side}>
          {KIND_WORDS[kind] || (arrivals > 1 && "as they arrive")}
          {resettable && (
            <button type="button" className={styles.reset} onClick={props.onReset}>
              Reset<span className="visually-hidden"> {field.title} to its default</span>
            </button>
          )}
        </span>
      </div>
      {links.length > 0 && <Links {...props} />}
      {!whole && <Input {...props} spaced={links.length > 0} />}
      <Messages {...props} whole={whole} />
      {field.description !== "" && <p className={styles.hint}>{field.description}</p>}
    </div>
  );
}

function Input({
  id,
  field,
  kind,
  value,
  disabled,
  problems,
  spaced,
  onChange,
  onReset,
}: FormFieldProps & { spaced: boolean }) {
  if ((kind === "collect" || kind === "gather") && value === undefined) {
    return (
      <p className={styles.linkHere}>{disabled ? "Nothing is linked here." : "Link a port of another node here."}</p>
    );
  }
  const { shape } = field;
  return (
    <div className={spaced ? styles.spaced : undefined}>
      <Control
        shape={shape}
        id={id}
        value={value}
        initial={field.initial}
        placeholder={field.placeholder}
        disabled={disabled}
        invalid={problems.some((problem) => problem.severity === "error")}
        onChange={onChange}
        onClear={onReset}
      />
    </div>
  );
}

function Links({ links, disabled, onUnlink, onShowSource }: FormFieldProps) {
  return (
    <div className={styles.links}>
      {links.map(({ link, title }) => {
        const member = portMember(link.sink_port);
        return (
          <div key={`${link.source}.${link.source_port}>${link.sink_port}`} className={styles.link}>
            <Link2 size={14} aria-hidden="true" />
            <button type="button" className={styles.from} onClick={() => onShowSource(link.source)}>
              {member !== "" && <span className={styles.member}>{member}: </span>}
              from <b>{title}</b> · {link.source_port}
            </button>
            {!disabled && (
              <ItemButton label={`Unlink ${title}`} press={() => onUnlink(link)} icon={<Unlink size={13} />} />
            )}
          </div>
        );
      })}
    </div>
  );
}

/** What the server says about this field; else what its schema says; and that a link hides a value. */
function Messages({ field, value, problems, whole }: FormFieldProps & { whole: boolean }) {
  if (problems.length > 0) {
    return problems.map((problem) => (
      <p key={problem.code + problem.detail} className={styles.wrong} data-severity={problem.severity}>
        {problem.detail}
      </p>
    ));
  }
  if (whole)
    return value === undefined ? null : (
      <p className={styles.hint}>The value set here before is not used while this is linked.</p>
    );
  const [first] = value === undefined ? [] : fieldErrors(field, value);
  if (first === undefined) return null;
  return <Wrong text={first.at === "" ? first.message : `${first.at}: ${first.message}`} />;
}
