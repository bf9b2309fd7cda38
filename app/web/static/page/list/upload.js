// Lists that are too long for one request go through the service's bucket: the upload, its job and its results.
import { ApiError, connectionLostError, isRetryable, rejectOnAbort, request } from "../api.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;
/** After so long without an answer the page stops asking. The job continues. */
const TIMEOUT_MS = 300_000;

/** Create an upload. Returns the form to send and the id of its job. */
export async function createUpload(signal) {
  const response = await request("v2/uploads", { method: "POST", signal });
  return response.json();
}

/** Send a file to the bucket. `onProgress` is called with the bytes sent, `onSent` when the bucket has all of them. */
export function sendToBucket({ url, fields }, file, { onProgress, onSent, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest();
    upload.open("POST", url);
    upload.upload.onprogress = ({ loaded }) => onProgress(Math.min(loaded, file.size));
    upload.upload.onload = onSent;
    upload.onload = () => {
      if (upload.status < 300) resolve();
      else reject(bucketError("The bucket refused the file", upload.status, upload.responseText));
    };
    upload.onerror = () =>
      reject(
        connectionLostError(
          "It was lost on the way to the bucket. The file is still here: try again when there is a connection.",
        ),
      );
    upload.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => upload.abort(), { once: true });
    upload.send(form);
  });
}

/** The error in a bucket's answer, which is XML. */
function bucketError(title, status, text) {
  const xml = new DOMParser().parseFromString(text, "text/xml");
  const reasons = ["Code", "Message"].map((name) => xml.querySelector(name)?.textContent).filter(Boolean);
  return new ApiError({ status, title, detail: `Its answer: ${reasons.join(": ") || `status ${status}`}` });
}

async function getJob(id, signal) {
  const response = await request(`v2/jobs/${id}`, { signal });
  return response.json();
}

/** Ask for a job until it is done, and return it. `onState` is called with the job meanwhile, or with {error}. */
export async function waitForJob(id, onState, signal) {
  let pause = FIRST_PAUSE_MS;
  let failingSince = 0;
  for (;;) {
    try {
      const job = await getJob(id, signal);
      failingSince = 0;
      if (job.status === "done") return job;
      if (job.status === "failed") throw failedError(job.failure);
      if (job.status === "expired") throw expiredError();
      onState(job);
    } catch (error) {
      if (!(error instanceof ApiError) || !isRetryable(error) || error.code === "expired") throw error;
      failingSince ||= performance.now();
      if (performance.now() - failingSince > TIMEOUT_MS) throw error;
      onState({ error });
    }
    await Promise.race([new Promise((resolve) => setTimeout(resolve, pause)), rejectOnAbort(signal)]);
    pause = Math.min(1.5 * pause, LONGEST_PAUSE_MS);
  }
}

const failedError = ({ code, message }) =>
  new ApiError({ code, status: 422, title: "The file cannot be scored", detail: message });

const expiredError = () =>
  new ApiError({
    code: "expired",
    title: "The file did not arrive in time",
    detail: "The bucket accepts a file for a limited time only. Send the file again.",
  });

/** Download a file of the bucket. `onProgress` is called with the bytes received. */
export async function fetchResult({ url }, onProgress, signal) {
  const response = await openResult(url, signal);
  let received = 0;
  const counter = new TransformStream({
    transform(bytes, controller) {
      received += bytes.length;
      onProgress(received);
      controller.enqueue(bytes);
    },
  });
  return new Response(response.body.pipeThrough(counter)).blob();
}

async function openResult(url, signal) {
  const response = await fetch(url, { signal, cache: "no-store", credentials: "omit" }).catch(() => {
    signal?.throwIfAborted();
    throw connectionLostError(
      "It was lost on the way from the bucket. The file is still there: try again when there is a connection.",
    );
  });
  if (response.ok) return response;
  throw bucketError("The bucket did not return the file", response.status, await response.text());
}

/** Have the browser download one result of a job. */
export async function downloadResult(id, name) {
  // The links of the end of the job may have expired.
  const { files } = await getJob(id);
  const { url } = files[name];
  // Opened first: an error would replace the page.
  const { body } = await openResult(url);
  await body.cancel();
  const link = document.createElement("a");
  link.href = url;
  link.click();
}
