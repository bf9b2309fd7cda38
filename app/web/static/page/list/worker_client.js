// Calls the functions of worker.js from the page.
import { noResponseError } from "../api.js";

export class WorkerClient {
  /** Whether the worker has ended. */
  isTerminated = false;
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #pending = new Map();
  #nextId = 1;

  /** `onProgress` is called with {step, done, total} while a list is scored. */
  constructor(onProgress) {
    this.#worker.onmessage = ({ data: { id, result, error, progress } }) => {
      if (progress) return onProgress(progress);
      const { resolve, reject } = this.#pending.get(id);
      this.#pending.delete(id);
      return error ? reject(new Error(error)) : resolve(result);
    };
    // Without a message its module did not load: the service was gone when the view was opened.
    this.#worker.onerror = ({ message }) => {
      this.isTerminated = true;
      for (const { reject } of this.#pending.values()) reject(message ? new Error(message) : noResponseError());
      this.#pending.clear();
    };
  }

  /** Call a function of the worker by name. */
  call(name, argument) {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, argument });
    });
  }

  /** Stop the worker. Pending calls stay unanswered. */
  terminate() {
    this.isTerminated = true;
    this.#worker.terminate();
  }
}
