// The service's bucket, for lists that are too long for one request: the form that sends one there, its job, its results.
import { ask, mayPass, Problem } from "../api.js";

const FIRST_MS = 1000;
const LONGEST_MS = 5000;
/** How long an answer may stay away until the page asks no more. The job does not mind. */
const PATIENCE_MS = 300_000;

/** A form for one file, and the id of its job. */
export async function begin(signal) {
  const answer = await ask("v2/uploads", { method: "POST", signal });
  return answer.json();
}

/** Send a file with its form. `onSent` is told the bytes sent, `onGone` when all of them are. */
export function deliver({ url, fields }, file, { onSent, onGone, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = ({ loaded }) => onSent(Math.min(loaded, file.size));
    request.upload.onload = onGone;
    request.onload = () => (request.status < 300 ? resolve() : reject(refusal("did not take the file", request.status, request.responseText)));
    request.onerror = () => reject(cut("on its way to the bucket", "The file is still here"));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** What the bucket says, in XML. */
function refusal(what, status, text) {
  const said = new DOMParser().parseFromString(text, "text/xml");
  const words = ["Code", "Message"].map((name) => said.querySelector(name)?.textContent).filter(Boolean);
  return new Problem({
    status,
    title: `The bucket ${what}`,
    detail: `It says: ${words.join(": ") || `status ${status}`}`,
  });
}

const cut = (where, left) =>
  new Problem({
    code: "offline",
    title: navigator.onLine ? "The connection was cut" : "This device is offline",
    detail: `It broke off ${where}. ${left}: try again when there is a connection.`,
  });

/** The state of a job. */
export async function state(id, signal) {
  const answer = await ask(`v2/jobs/${id}`, { signal });
  return answer.json();
}

/** Ask for a job until it is done, and return its state. `tell` is given what it says meanwhile, or {problem}. */
export async function follow(id, tell, signal) {
  let pause = FIRST_MS;
  let failing = 0;
  for (;;) {
    try {
      const job = await state(id, signal);
      failing = 0;
      if (job.status === "done") return job;
      if (job.status === "failed") throw failed(job.failure);
      if (job.status === "expired") throw expired();
      tell(job);
    } catch (problem) {
      if (!(problem instanceof Problem) || !mayPass(problem) || problem.code === "expired") throw problem;
      failing ||= performance.now();
      if (performance.now() - failing > PATIENCE_MS) throw problem;
      tell({ problem });
    }
    await wait(pause, signal);
    pause = Math.min(1.5 * pause, LONGEST_MS);
  }
}

const failed = ({ code, message }) => new Problem({ code, status: 422, title: "The file cannot be scored", detail: message });

const expired = () =>
  new Problem({
    code: "expired",
    title: "The file did not arrive in time",
    detail: "The bucket waits for a file only so long, and it has not come. Send it again.",
  });

function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
  });
}

/** What a link leads to. `onTaken` is told the bytes that have come. */
export async function fetched({ url }, onTaken, signal) {
  const response = await opened(url, signal);
  let taken = 0;
  const count = new TransformStream({
    transform(bytes, controller) {
      taken += bytes.length;
      onTaken(taken);
      controller.enqueue(bytes);
    },
  });
  return new Response(response.body.pipeThrough(count)).blob();
}

/** The answer behind a link, once it begins. */
async function opened(url, signal) {
  const response = await fetch(url, { signal, cache: "no-store", credentials: "omit" }).catch(() => {
    signal?.throwIfAborted();
    throw cut("on its way from the bucket", "It is still there");
  });
  if (response.ok) return response;
  throw refusal("did not give the file", response.status, await response.text());
}

/** Have the browser save one result of a job. */
export async function saveResult(id, name) {
  // The links of the job's end may be old by now.
  const { files } = await state(id);
  const { url } = files[name];
  // A refusal would take the place of the page.
  const { body } = await opened(url);
  await body.cancel();
  const link = document.createElement("a");
  link.href = url;
  link.click();
}
