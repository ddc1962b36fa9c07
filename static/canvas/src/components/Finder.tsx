/** The small search over the canvas: add a block, link by keyboard, or name the member that a link fills. */

import { useEffect, useRef, useState, type CSSProperties } from "react";

import { nodeBoxes } from "../boxes";
import { connectChoices, firstPort, outputChoices } from "../model/choices";
import { nodeTitle, portRoot } from "../model/graph";
import { suggestedMember } from "../model/validate";
import type { LinkSpec } from "../model/types";
import { actions, useStore } from "../store";
import { portsOf, type Finder as FinderState, type LoosePort } from "../state";
import { Button } from "./Button";
import { Tile } from "./icons";
import { Picker } from "./Picker";
import styles from "./Finder.module.css";

const WIDTH = 290;
const HEIGHT = 350;

export function Finder() {
  const finder = useStore((state) => state.ui.finder);
  const element = useRef<HTMLDivElement>(null);
  const close = (): void => actions().setFinder(null);

  useEffect(() => {
    if (!finder) return;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && !element.current?.contains(event.target)) actions().setFinder(null);
    };
    document.addEventListener("pointerdown", outside, { capture: true });
    return () => document.removeEventListener("pointerdown", outside, { capture: true });
  }, [finder]);

  if (!finder) return null;
  return (
    <div ref={element} className={styles.finder} style={placeOf(finder)} role="dialog" aria-label="Search">
      {finder.kind === "add" && <AddBlock finder={finder} onClose={close} />}
      {finder.kind === "connect" && <ConnectNode key={finder.key} nodeKey={finder.key} onClose={close} />}
      {finder.kind === "member" && <NameMember link={finder.link} onClose={close} />}
    </div>
  );
}

/** Beside the pointer, kept on the screen; in the middle when there is no pointer. */
function placeOf(finder: FinderState): CSSProperties {
  if (finder.kind === "connect") return { left: `calc(50vw - ${WIDTH / 2}px)`, top: "20vh", width: WIDTH };
  const [x, y] = finder.screen;
  return {
    left: Math.max(8, Math.min(x, window.innerWidth - WIDTH - 8)),
    top: Math.max(8, Math.min(y, window.innerHeight - HEIGHT - 8)),
    width: WIDTH,
  };
}

function AddBlock({ finder, onClose }: { finder: Extract<FinderState, { kind: "add" }>; onClose: () => void }) {
  const blocks = useStore((state) => state.catalogue.blocks);
  const state = useStore.getState();
  const { from } = finder;
  const fitting = Object.values(blocks).filter(
    (block) => block.disabled_reason === "" && (!from || firstPort(state, from, block) !== null),
  );
  const choices = fitting.map((block) => ({
    id: block.id,
    title: block.title,
    detail: block.category,
    words: `${block.id} ${block.description}`,
    sign: <Tile category={block.category} icon={block.icon} size={22} />,
  }));

  const add = (id: string): void => {
    const block = blocks[id];
    if (!block) return;
    onClose();
    addLinked(id, finder.at, from);
  };
  return (
    <Picker
      label={from ? "Search blocks that fit" : "Search blocks"}
      choices={choices}
      empty={from ? "No block takes this value. Try another word." : "No block is called so."}
      onPick={(choice) => add(choice.id)}
      onClose={onClose}
    />
  );
}

/** Adds a node and, when a link was pulled to it, the link: one step to undo. */
function addLinked(id: string, at: [number, number], from: LoosePort | undefined): void {
  const state = useStore.getState();
  const block = state.catalogue.blocks[id];
  const place: [number, number] = [Math.round(from?.side === "sink" ? at[0] - 180 : at[0]), Math.round(at[1] - 50)];
  const port = from && block ? firstPort(state, from, block) : null;
  if (!from || port === null) {
    actions().addNode(id, place);
    return;
  }
  actions().addNode(id, place, (key): LinkSpec =>
    from.side === "source"
      ? { source: from.key, source_port: from.port, sink: key, sink_port: port }
      : { source: key, source_port: port, sink: from.key, sink_port: from.port },
  );
}

function ConnectNode({ nodeKey, onClose }: { nodeKey: string; onClose: () => void }) {
  const [output, setOutput] = useState<string | null>(null);
  const state = useStore.getState();
  const outputs = outputChoices(state, nodeKey);
  const chosen = output ?? (outputs.length === 1 ? (outputs[0]?.id ?? null) : null);
  if (chosen === null) {
    return (
      <Picker
        key="output"
        label="Which output"
        choices={outputs}
        empty="This node has no outputs."
        onPick={(choice) => setOutput(choice.id)}
        onClose={onClose}
      />
    );
  }
  return (
    <Picker
      key="input"
      label={`${chosen} goes to`}
      choices={connectChoices(state, nodeKey, chosen)}
      empty="No other node takes this value. Add one first."
      onPick={(choice) => {
        onClose();
        actions().addLink(JSON.parse(choice.id) as LinkSpec);
      }}
      onClose={onClose}
    />
  );
}

function NameMember({ link, onClose }: { link: LinkSpec; onClose: () => void }) {
  const state = useStore.getState();
  const [name, setName] = useState(() => suggestedMember(state.graph.spec, (key) => portsOf(state, key), link));
  const node = state.graph.spec.nodes.find((one) => one.key === link.sink);
  const title = nodeTitle(node, node && state.catalogue.blocks[node.block]);
  const add = (member: string): void => {
    onClose();
    const port = portRoot(link.sink_port);
    actions().addLink({ ...link, sink_port: member.trim() === "" ? port : `${port}.${member.trim()}` });
  };
  return (
    <form
      className={styles.member}
      onSubmit={(event) => {
        event.preventDefault();
        add(name);
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
      }}
    >
      <label>
        <span>
          Goes into <b>{link.sink_port}</b> of {title} as
        </span>
        <input
          value={name}
          autoFocus
          onFocus={(event) => event.target.select()}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <div>
        <Button onClick={() => add("")}>The whole input</Button>
        <Button tone="primary" type="submit" disabled={name.trim() === ""}>
          Link
        </Button>
      </div>
    </form>
  );
}

/** Opens the search in the middle of the canvas. */
export function openFinder(): void {
  const boxes = nodeBoxes(useStore.getState());
  const last = [...boxes.values()].at(-1);
  const at: [number, number] = last ? [last.x + last.width + 80, last.y] : [0, 0];
  actions().setFinder({ kind: "add", at, screen: [window.innerWidth / 2 - WIDTH / 2, window.innerHeight * 0.2] });
}
