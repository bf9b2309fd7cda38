// The page's side of worker.js: a call by message, and its answer as a promise.

import { unreachable } from "../api.js";

export class Desk {
  /** Whether it never answers again. */
  isLost = false;
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #open = new Map();
  #next = 1;

  /** `onProgress` is told {step, done, of} while a list is scored. */
  constructor(onProgress) {
    this.#worker.onmessage = ({ data: { id, result, failed, progress } }) => {
      if (progress) return onProgress(progress);
      const { resolve, reject } = this.#open.get(id);
      this.#open.delete(id);
      return failed ? reject(new Error(failed)) : resolve(result);
    };
    // Without a message its module did not arrive: the service was gone when the view was opened.
    this.#worker.onerror = ({ message }) => {
      this.isLost = true;
      for (const { reject } of this.#open.values()) reject(message ? new Error(message) : unreachable());
      this.#open.clear();
    };
  }

  call(name, argument) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#open.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call: name, argument });
    });
  }

  /** Stop whatever runs. Calls that are open are never answered. */
  end() {
    this.isLost = true;
    this.#worker.terminate();
  }
}
