// The view "The model".
import { ask } from "./api.js";
import { make, problemBox } from "./dom.js";

let drift = null;

/** Show how far the last scored list is from the customers the model was trained on: a summary of /v2/batches. */
export function showDrift(summary) {
  drift = summary;
}

export function start(root) {
  ask("v2/model").then(
    async (response) => {
      const { version } = await response.json();
      root.append(make("p", {}, `Version ${version}`), drift ? "" : "");
    },
    (problem) => root.append(problemBox(problem)),
  );
}
