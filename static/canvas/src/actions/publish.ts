/** Verbs of publishing: which version triggers and the API run. */

import { api } from "../api/client";
import type { Draft } from "../draft";
import type { ProblemDetails } from "../model/types";
import type { Actions, GraphSlice } from "../state";
import type { Get, Set } from "../store";

type PublishActions = Pick<Actions, "loadPublished" | "publish" | "unpublish">;

const NOT_SAVED: ProblemDetails = {
  type: "about:blank",
  title: "Not saved yet",
  status: 0,
  detail: "The latest changes are not saved, so nothing was published. Try again when the network is back.",
  errors: [],
};

export function publishActions(set: Set, get: Get, draft: Draft): PublishActions {
  const change = (part: Partial<GraphSlice>): void => set((state) => ({ graph: { ...state.graph, ...part } }));

  return {
    loadPublished: async () => {
      const { id, published } = get().graph;
      if (published?.spec !== null) return;
      const answer = await api.version(id, published.number);
      if (answer.ok && get().graph.published?.number === published.number)
        change({ published: { number: published.number, spec: answer.data.spec } });
    },

    publish: async () => {
      if (!(await draft.flush())) return NOT_SAVED;
      const { id, spec } = get().graph;
      const answer = await api.publish(id);
      if (!answer.ok) return answer.problem;
      const number = answer.data.published_version;
      change({ published: { number, spec }, latestVersion: Math.max(number, get().graph.latestVersion ?? 0) });
      return null;
    },

    unpublish: async () => {
      const answer = await api.unpublish(get().graph.id);
      if (!answer.ok) return answer.problem;
      change({ published: null });
      return null;
    },
  };
}
