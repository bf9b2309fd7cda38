// Asks the API of this service. Every refusal becomes a Problem; the key, where one is needed, is kept in memory only.
import { make } from "./dom.js";

const ROOT = new URL("../../", import.meta.url);
const KEY_HEADER = "X-Api-Key";
const OPENED_WITH = document.documentElement.dataset.modelVersion;

let key = "";
let waiting = null;

/** A refusal of the API (RFC 9457), or that there was no answer at all. */
export class Problem extends Error {
  constructor({ code, title, detail, errors = [], errors_total = errors.length, status = 0 }, requestId = "") {
    super(detail);
    Object.assign(this, { code, title, detail, errors, errors_total, status, request_id: requestId });
  }
}

/** Whether something may go otherwise the next time; what was refused once is refused again. */
export const mayPass = ({ status }) => !status || status === 429 || status >= 500;

/** The address of a path of the API, such as "v2/customers", also below a base path. */
export const address = (path) => new URL(path.replace(/^\//, ""), ROOT);

/** The headers that every request has; for what cannot go through `ask`. */
export const headers = () => (key ? { [KEY_HEADER]: key } : {});

/** Ask for `path`. Rejects with a Problem, or with AbortError where `signal` was used. */
export async function ask(path, { method, json, body, accept, signal, type } = {}) {
  const content = json === undefined ? type : "application/json";
  for (;;) {
    const response = await reach(path, {
      method: method ?? (json === undefined && body === undefined ? "GET" : "POST"),
      body: json === undefined ? body : JSON.stringify(json),
      headers: {
        Accept: accept ?? "application/json",
        ...(content ? { "Content-Type": content } : {}),
        ...headers(),
      },
      signal,
      cache: "no-store",
      credentials: "same-origin",
    });
    noticeModel(response.headers.get("X-Model-Version"));
    if (response.ok) return response;
    const problem = problemFrom(response.status, await response.text(), response.headers.get("X-Request-Id"));
    if (response.status !== 401) throw problem;
    await newKey(problem, signal);
  }
}

async function reach(path, options) {
  try {
    return await fetch(address(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

/** The Problem of a request that got no answer. */
export function unreachable() {
  return new Problem({
    code: "offline",
    title: navigator.onLine ? "The service does not answer" : "This device is offline",
    detail: `${navigator.onLine ? "It may be restarting. " : ""}What you entered is still here.`,
  });
}

/** The Problem in an answer; one that is no problem of ours came from something in between. */
export function problemFrom(status, text, requestId) {
  try {
    const found = JSON.parse(text);
    if (found && found.code && found.detail) return new Problem(found, requestId ?? found.instance);
  } catch {
    // Not JSON: said below.
  }
  return new Problem(
    {
      code: "unknown",
      status,
      title: "Something between this page and the service failed",
      detail: `The answer has status ${status} and does not come from the service itself. Try again in a moment.`,
    },
    requestId ?? "",
  );
}

/** Ask for a key, once for all requests that wait for it. Resolves when one was entered. */
export function newKey(problem, signal) {
  const form = document.getElementById("key-form");
  const field = form.querySelector("input");
  form.hidden = false;
  const [words, reason] = form.querySelectorAll("p");
  reason.textContent = problem.detail;
  announce(`${words.textContent} ${problem.detail}`);
  if (!waiting) {
    field.focus();
    waiting = new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          key = field.value.trim();
          field.value = "";
          form.hidden = true;
          waiting = null;
          resolve();
        },
        { once: true },
      );
    });
  }
  if (!signal) return waiting;
  return Promise.race([
    waiting,
    new Promise((_, reject) => {
      const stop = () => reject(new DOMException("Another request took its place.", "AbortError"));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
    }),
  ]);
}

/** Say it when the service answers with another model than the page was opened with. */
export function noticeModel(version) {
  const notice = document.getElementById("model-notice");
  if (!version || version === OPENED_WITH || !notice.hidden) return;
  const again = make("button", { type: "button", className: "secondary" }, "Open the page again");
  again.addEventListener("click", () => location.reload());
  notice.replaceChildren(
    make("p", {}, `The service now answers with model ${version}; this page was opened with ${OPENED_WITH}.`),
    again,
  );
  notice.hidden = false;
}

/** Tell a screen reader, without moving the focus. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
