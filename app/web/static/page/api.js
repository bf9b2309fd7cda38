// Requests to the API of this service. Errors become an ApiError; the API key, if one is needed, is kept in memory only.
import { announce, byId, create } from "./dom.js";

const ROOT = new URL("../../", import.meta.url);
const KEY_HEADER = "X-Api-Key";
const PAGE_MODEL_VERSION = document.documentElement.dataset.modelVersion;

let apiKey = "";
let keyPrompt = null;

/** An error of the API (RFC 9457), or of the connection (status 0). */
export class ApiError extends Error {
  constructor({ code, title, detail, errors = [], status = 0 }, requestId = "") {
    super(detail);
    Object.assign(this, { code, title, detail, errors, status, request_id: requestId });
  }
}

/** Whether the same request may succeed later. */
export const isRetryable = ({ status }) => !status || status === 429 || status >= 500;

/** The URL of a path of the API, such as "v2/customers", also below a base path. */
export const apiUrl = (path) => new URL(path.replace(/^\//, ""), ROOT);

/** The headers that every request needs. */
export const authHeaders = () => (apiKey ? { [KEY_HEADER]: apiKey } : {});

/** Send a request. Rejects with an ApiError, or with AbortError if `signal` was aborted. */
export async function request(path, { method, json, body, accept, signal, type } = {}) {
  const contentType = json === undefined ? type : "application/json";
  for (;;) {
    const response = await fetch(apiUrl(path), {
      method: method ?? (json === undefined && body === undefined ? "GET" : "POST"),
      body: json === undefined ? body : JSON.stringify(json),
      headers: {
        Accept: accept ?? "application/json",
        ...(contentType ? { "Content-Type": contentType } : {}),
        ...authHeaders(),
      },
      signal,
      cache: "no-store",
      credentials: "same-origin",
    }).catch((error) => {
      throw error.name === "AbortError" ? error : noResponseError();
    });
    checkModelVersion(response.headers.get("X-Model-Version"));
    if (response.ok) return response;
    const error = toApiError(response.status, await response.text(), response.headers.get("X-Request-Id"));
    if (response.status !== 401) throw error;
    await promptForKey(error, signal);
  }
}

/** The error of a request without a response. */
export const noResponseError = () =>
  new ApiError({
    code: "offline",
    title: navigator.onLine ? "The service does not respond" : "This device is offline",
    detail: `${navigator.onLine ? "It may be restarting. " : ""}What you entered is still here.`,
  });

/** The error of a request that broke off. */
export const connectionLostError = (detail) =>
  new ApiError({
    code: "offline",
    title: navigator.onLine ? "The connection was lost" : "This device is offline",
    detail,
  });

/** The error in a response. One without a problem document is from a proxy in between. */
export function toApiError(status, text, requestId) {
  try {
    const problem = JSON.parse(text);
    if (problem?.code && problem.detail) return new ApiError(problem, requestId ?? problem.instance);
  } catch {
    // Not JSON: handled below.
  }
  return new ApiError(
    {
      code: "unknown",
      status,
      title: "Something between this page and the service failed",
      detail: `The response has status ${status} and is not from the service itself. Try again in a moment.`,
    },
    requestId ?? "",
  );
}

/** Ask for an API key, once for all requests that wait for it. Resolves when one was entered. */
export function promptForKey(error, signal) {
  const form = byId("key-form");
  const input = form.querySelector("input");
  const [explanation, reason] = form.querySelectorAll("p");
  form.hidden = false;
  reason.textContent = error.detail;
  announce(`${explanation.textContent} ${error.detail}`);
  if (!keyPrompt) {
    input.focus();
    keyPrompt = new Promise((resolve) => {
      form.addEventListener(
        "submit",
        (event) => {
          event.preventDefault();
          apiKey = input.value.trim();
          input.value = "";
          form.hidden = true;
          keyPrompt = null;
          resolve();
        },
        { once: true },
      );
    });
  }
  return signal ? Promise.race([keyPrompt, rejectOnAbort(signal)]) : keyPrompt;
}

/** A promise that rejects when `signal` is aborted. */
export const rejectOnAbort = (signal) =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** Show a notice if the service has another model than when the page was opened. */
export function checkModelVersion(version) {
  const notice = byId("model-notice");
  if (!version || version === PAGE_MODEL_VERSION || !notice.hidden) return;
  const reload = create("button", { type: "button", className: "secondary" }, "Reload the page");
  reload.addEventListener("click", () => location.reload());
  notice.replaceChildren(
    create("p", {}, `The service now uses model ${version}; this page was opened with ${PAGE_MODEL_VERSION}.`),
    reload,
  );
  notice.hidden = false;
}
