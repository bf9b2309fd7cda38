// Scores one list: in one request, or through the bucket if it is too long for that.
import {
  ApiError,
  apiUrl,
  authHeaders,
  checkModelVersion,
  connectionLostError,
  promptForKey,
  toApiError,
} from "../api.js";
import { byId } from "../dom.js";
import { formatMegabytes, pluralize } from "../format.js";
import { showProgress } from "./progress.js";
import { createUpload, fetchResult, sendToBucket, waitForJob } from "./upload.js";

export const BATCHES = "v2/batches";
const MAX_FETCH_BYTES = 50e6;
const PREDICTIONS = "predictions.csv";
const SHORT_NOTE = "The list is long, so each customer has one reason, and rows cannot be opened.";

/** The largest body that the service accepts in one request. */
const maxRequestBytes = () => Number(byId("list-start").dataset.maxRequestBytes);
/** The error of a larger body, if there is no bucket. */
const tooLargeProblem = () => JSON.parse(byId("list-start").dataset.tooLargeProblem ?? "null");
const idName = () => byId("list-result").dataset.idName;
/** How many reasons a customer of a list has, and whether the model has money. */
const columns = () => {
  const { reasons = 3, hasMoney = "yes" } = byId("list-result").dataset;
  return { reasons: Number(reasons), hasMoney: hasMoney === "yes" };
};

export class Submission {
  /** The id of the job, as soon as the bucket may have the file. */
  jobId = "";
  #worker;
  #controller = new AbortController();
  #rowCount = 0;

  constructor(worker) {
    this.#worker = worker;
  }

  /** Aborted when the list is cancelled. */
  get signal() {
    return this.#controller.signal;
  }

  /** Stop sending and waiting. A job continues. */
  cancel() {
    this.#controller.abort();
  }

  /** Score a file, and return what the view shows of it. */
  async score(file) {
    const compressed = await this.#worker.call("compressFile", file);
    if (compressed.isUnreadable) throw unreadableError(file);
    this.#rowCount = compressed.rows;
    try {
      return await this.#submit(compressed, file.size);
    } catch (error) {
      // Rows that are very similar compress to less than the service accepts.
      if (error.code !== "gzip_ratio" || !compressed.plain) throw error;
      return this.#submit({ ...compressed, body: compressed.plain }, file.size);
    }
  }

  async #submit(list, size) {
    const { body } = list;
    const hasBucket = !tooLargeProblem();
    let tooLarge = null;
    if (body.size <= maxRequestBytes()) {
      try {
        return await this.#scoreDirectly(list, size);
      } catch (error) {
        if (!hasBucket || error.status !== 413 || error.code === "gzip_ratio") throw error;
        tooLarge = error;
      }
    } else if (!hasBucket) throw new ApiError(tooLargeProblem());
    try {
      await this.#upload(body);
    } catch (error) {
      // The service was restarted without a bucket: its error is about the file's length then.
      if (error.code !== "uploads_not_configured") throw error;
      if (tooLarge) throw tooLarge;
      return this.#scoreDirectly(list, size);
    }
    return this.waitFor(this.jobId);
  }

  async #scoreDirectly(list, size) {
    for (;;) {
      const request = {
        ...list,
        size,
        url: apiUrl(BATCHES).href,
        headers: authHeaders(),
        idName: idName(),
        ...columns(),
      };
      const answer = await this.#worker.call("score", request);
      checkModelVersion(answer.model);
      const { summary, reasonCount, hasInput } = answer;
      if (summary) {
        const rowsClosed = hasInput ? "" : SHORT_NOTE;
        return {
          body: list.body,
          summary,
          reasonCount,
          hasMoney: columns().hasMoney,
          rowsClosed,
          notes: rowsClosed ? [rowsClosed] : [],
        };
      }
      if (answer.status === 0) throw brokenOffError(answer.rows);
      const error = toApiError(answer.status, answer.text, answer.requestId);
      if (error.status !== 401) throw error;
      await promptForKey(error, this.signal);
    }
  }

  async #upload(body) {
    const upload = await createUpload(this.signal);
    if (body.size > upload.max_bytes) throw tooLongError(body.size, upload.max_bytes);
    try {
      await sendToBucket(upload, body, {
        onProgress: (done) => showProgress({ step: "send", done, total: body.size }),
        // From here on the bucket may have the file, even if its answer is lost.
        onSent: () => {
          this.jobId = upload.id;
        },
        signal: this.signal,
      });
    } catch (error) {
      // The next attempt gets a job of its own.
      if (!this.signal.aborted) this.jobId = "";
      throw error;
    }
  }

  #showJob(id) {
    this.jobId = id;
    byId("list-job").hidden = !id;
    byId("list-job-id").textContent = id;
  }

  /** Wait for a job, and return what the view shows of its list. */
  async waitFor(id) {
    this.#showJob(id);
    const onState = (state) => showProgress({ step: "score", ...this.#jobProgress(state) });
    const job = await waitForJob(id, onState, this.signal).catch((error) => {
      if (error.code === "expired") this.#showJob("");
      throw error;
    });
    const { note, ...rows } = await this.#readRows(job);
    const rowsClosed = `The list went through the service\u2019s bucket as job ${id}: it has no reasons, and rows cannot be opened.`;
    const fileNote = `${rowsClosed} The downloads of all rows and of rejected rows are not made safe for a spreadsheet.`;
    return {
      jobId: id,
      summary: job.summary,
      reasonCount: 0,
      rowsClosed,
      notes: [fileNote, note].filter(Boolean),
      ...rows,
    };
  }

  #jobProgress({ status, error, uploaded, stopped, rows_in: done, bytes_read: bytesRead, bytes }) {
    if (error) return { text: `${error.title}. Trying again.` };
    if (status === "running")
      return done ? { done, total: this.#rowCount || Math.round((done * bytes) / bytesRead) } : { text: "in progress" };
    if (stopped) return { text: `It will be tried again after this error: ${stopped}` };
    return { text: uploaded ? "waiting to start" : "waiting for the file" };
  }

  /** Have the worker read the rows of a job or, if that is not possible, the customers that the summary names. */
  async #readRows({ summary, files }) {
    const file = files[PREDICTIONS];
    let reason = `The scored list has ${formatMegabytes(file.bytes)}, and this page shows at most ${formatMegabytes(MAX_FETCH_BYTES)}`;
    if (file.bytes <= MAX_FETCH_BYTES) {
      try {
        const blob = await fetchResult(
          file,
          (done) => showProgress({ step: "fetch", done, total: file.bytes }),
          this.signal,
        );
        return await this.#worker.call("readPredictions", { blob, idName: idName() });
      } catch {
        this.signal.throwIfAborted();
        reason = "The scored list could not be fetched from the bucket";
      }
    }
    await this.#worker.call("readTop", { customers: summary.top, idName: idName() });
    const { hasMoney } = columns();
    const which = hasMoney ? "most money at" : "highest";
    const note = `${reason}, so the table has only the ${pluralize(summary.top.length, "customer")} with the ${which} risk.`;
    return { hasMoney, isPartial: true, note };
  }
}

const unreadableError = (file) =>
  new ApiError({
    title: "The file cannot be read",
    detail: `${file.name} may be a folder, or was moved or changed after it was chosen. Choose it again.`,
  });

const tooLongError = (bytes, limit) =>
  new ApiError({
    status: 413,
    title: "The file is too large",
    detail: `Compressed it has ${formatMegabytes(bytes)}; the limit is ${formatMegabytes(limit)}. Send it in parts.`,
  });

/** The error of a request for a list that was lost after `rows` rows of the answer. */
export function brokenOffError(rows) {
  const when = rows ? `after ${pluralize(rows, "row")}` : "before there was an answer";
  const next = navigator.onLine
    ? "try again when there is a connection"
    : "it is sent again as soon as there is a connection";
  return connectionLostError(`It was lost ${when}. Nothing was stored, and the file is still here: ${next}.`);
}
