/** Whether so many nodes are seen from so far that they are drawn as plain boxes instead of page elements. */

import { useStoreApi } from "@xyflow/react";
import { useEffect, useState } from "react";

import { useStore } from "../store";
import { shownSpec } from "../state";

/** Above this many nodes, only what is in view is mounted. */
export const MANY_NODES = 120;
const GOES_FAR = 0.28;
/** A little above, so that a view at the edge does not switch forth and back. */
const COMES_NEAR = 0.32;

export function useFar(): boolean {
  const store = useStoreApi();
  const many = useStore((state) => shownSpec(state).nodes.length > MANY_NODES);
  const [far, setFar] = useState(false);

  useEffect(
    () => store.subscribe(({ transform: [, , zoom] }) => setFar((was) => zoom < (was ? COMES_NEAR : GOES_FAR))),
    [store],
  );
  return many && far;
}
