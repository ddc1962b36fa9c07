/**
 * Holds the shapes of `model/types.ts` to the server's OpenAPI description (`npm run schema`): this file does not
 * compile when an answer no longer is what the canvas takes it for.
 */

import type * as ours from "../model/types";
import type { components } from "./schema";

type Schemas = components["schemas"];

/** What OpenAPI leaves open is JSON. */
type Wire<T> = unknown extends T
  ? ours.Json
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

type Fits<Answer extends Shape, Shape> = Answer;

/** All but the graph: requests may leave out its defaults, answers name them, and OpenAPI has one shape for both. */
type Around<T> = Omit<T, "spec" | "operations">;

export type Contract = [
  Fits<Wire<Schemas["Person"]>, ours.Person>,
  Fits<Wire<Schemas["Counts"]>, ours.Counts>,
  Fits<Wire<Schemas["Execution"]>, ours.Execution>,
  Fits<Wire<Schemas["ExecutionDetail"]>, ours.ExecutionDetail>,
  Fits<Wire<Schemas["NodeRow"]>, ours.NodeRow>,
  Fits<Wire<Schemas["NodeDetail"]>, ours.NodeRowDetail>,
  Fits<Wire<Schemas["ApprovalDetail"]>, ours.Approval>,
  Fits<Wire<Schemas["Credential"]>, ours.CredentialRow>,
  Fits<Wire<Schemas["GraphRow"]>, ours.GraphRow>,
  Fits<Around<Wire<Schemas["GraphDetail"]>>, Around<ours.GraphDetail>>,
  Fits<Around<Wire<Schemas["VersionDetail"]>>, Around<ours.VersionDetail>>,
  Fits<Around<Wire<Schemas["EditAnswer"]>>, Around<ours.EditAnswer>>,
  Fits<Around<Wire<Schemas["Edit"]>>, Around<ours.EditRecord>>,
  Fits<Wire<Schemas["Block"]>, ours.BlockDescription>,
  Fits<Wire<Schemas["NodePorts"]>, ours.NodePorts>,
  Fits<Wire<Schemas["Catalogue"]>, ours.Catalogue>,
];
