/** Every block that can be added, by category; drag one onto the canvas, or press Enter. */

import { GripVertical, Search } from "lucide-react";
import { useMemo, useRef, useState, type KeyboardEvent } from "react";

import type { BlockDescription } from "../model/types";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Tile } from "./icons";
import { narrow } from "./Picker";
import { usePlace } from "./useViewport";
import styles from "./Palette.module.css";

export const BLOCK_MIME = "application/x-agentflow-block";
export const PALETTE_SEARCH_ID = "palette-search";

interface Group {
  category: string;
  blocks: BlockDescription[];
}

/** Blocks that fit the text, in the catalogue's order of categories. */
export function group(blocks: readonly BlockDescription[], categories: readonly string[], text: string): Group[] {
  const found = new Set(
    narrow(
      blocks.map((block) => ({
        id: block.id,
        title: block.title,
        detail: block.category,
        words: `${block.id} ${block.description}`,
      })),
      text,
    ).map((choice) => choice.id),
  );
  const shown = text === "" ? blocks : blocks.filter((block) => found.has(block.id));
  const names = [...new Set([...categories, ...blocks.map((block) => block.category)])];
  return names
    .map((category) => ({ category, blocks: shown.filter((block) => block.category === category) }))
    .filter((one) => one.blocks.length > 0);
}

export function Palette() {
  const { blocks, categories, state } = useStore((all) => all.catalogue);
  const [text, setText] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const place = usePlace();
  const groups = useMemo(() => group(Object.values(blocks), categories, text), [blocks, categories, text]);

  const add = (block: BlockDescription): void => {
    if (block.disabled_reason === "") actions().addNode(block.id, place());
  };
  const focusItem = (step: number, from: Element | null): void => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>("[data-block]") ?? [])];
    const index = items.findIndex((item) => item === from);
    items[Math.max(0, Math.min(items.length - 1, index + step))]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      focusItem(event.key === "ArrowDown" ? 1 : -1, document.activeElement);
    }
  };
  const onSearchKey = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Escape") {
      setText("");
      event.currentTarget.blur();
    }
    const first = groups[0]?.blocks[0];
    if (event.key === "Enter" && text !== "" && first) {
      add(first);
      setText("");
      event.currentTarget.blur();
    }
  };

  return (
    <aside className={styles.palette} aria-label="Blocks" onKeyDown={onKeyDown}>
      <label className={styles.search}>
        <Search aria-hidden="true" />
        <input
          id={PALETTE_SEARCH_ID}
          type="search"
          placeholder="Search blocks"
          aria-label="Search blocks"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onSearchKey}
        />
        <kbd>/</kbd>
      </label>
      <div className={styles.list} ref={list}>
        {state === "loading" && <p className={styles.hint}>Loading blocks…</p>}
        {state === "failed" && (
          <p className={styles.hint}>
            The blocks could not be loaded.
            <Button onClick={() => void actions().loadCatalogue()}>Try again</Button>
          </p>
        )}
        {state === "ready" && groups.length === 0 && (
          <p className={styles.hint}>No block is called “{text}”. Try a shorter word.</p>
        )}
        {groups.map((one) => (
          <section key={one.category} aria-label={one.category}>
            <h3>
              {one.category}
              <em className="num">{one.blocks.length}</em>
            </h3>
            {one.blocks.map((block) => (
              <Item key={block.id} block={block} onAdd={add} />
            ))}
          </section>
        ))}
      </div>
    </aside>
  );
}

function Item({ block, onAdd }: { block: BlockDescription; onAdd: (block: BlockDescription) => void }) {
  const disabled = block.disabled_reason !== "";
  return (
    <button
      type="button"
      className={styles.item}
      data-block={block.id}
      draggable={!disabled}
      disabled={disabled}
      title={disabled ? block.disabled_reason : block.description}
      onClick={() => onAdd(block)}
      onDragStart={(event) => {
        event.dataTransfer.setData(BLOCK_MIME, block.id);
        event.dataTransfer.effectAllowed = "copy";
      }}
    >
      <Tile category={block.category} icon={block.icon} size={26} />
      <b>{block.title}</b>
      <GripVertical className={styles.grip} aria-hidden="true" />
    </button>
  );
}
