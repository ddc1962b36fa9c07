/** A text area that grows with its text; templates and code have line numbers, and `{{ … }}` stands out. */

import { Fragment } from "react";

import styles from "./form.module.css";

interface CodeAreaProps {
  id: string;
  name?: string | undefined;
  text: string;
  widget: "textarea" | "template" | "code";
  placeholder: string;
  disabled: boolean;
  invalid: boolean;
  onChange: (text: string) => void;
}

/** Longer texts are edited without the layer of numbers and marks. */
const LAYER_LIMIT = 20_000;

export function CodeArea({ id, name, text, widget, placeholder, disabled, invalid, onChange }: CodeAreaProps) {
  const layered = text.length <= LAYER_LIMIT;
  const numbered = widget !== "textarea" && layered;
  return (
    <div className={styles.code} data-widget={widget} data-numbered={numbered} data-invalid={invalid}>
      {layered && <Layer text={text} numbered={numbered} marked={widget === "template"} />}
      <textarea
        id={id}
        aria-label={name}
        value={text}
        placeholder={placeholder}
        disabled={disabled}
        aria-invalid={invalid}
        spellCheck={widget === "textarea"}
        rows={layered ? undefined : 14}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

/** Lies under the text area with the same text, unseen: it gives the height, the line numbers and the marks. */
function Layer({ text, numbered, marked }: { text: string; numbered: boolean; marked: boolean }) {
  return (
    <div className={styles.layer} aria-hidden="true">
      {text.split("\n").map((line, index) => (
        <div key={index} data-line={numbered ? index + 1 : undefined}>
          {marked ? <Marks line={line} /> : line}
          {"\u200b"}
        </div>
      ))}
    </div>
  );
}

function Marks({ line }: { line: string }) {
  return line
    .split(/(\{\{.*?\}\}|\{%.*?%\})/)
    .map((part, index) => (
      <Fragment key={index}>{index % 2 === 1 ? <mark data-kind={part.charAt(1)}>{part}</mark> : part}</Fragment>
    ));
}
