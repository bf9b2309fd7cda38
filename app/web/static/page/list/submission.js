// The way of one list to its answer: in one request, or through the bucket where it is too long for that.
import { address, headers, newKey, noticeModel, Problem, problemFrom } from "../api.js";
import { counted, megabytes } from "../format.js";
import { begin, deliver, fetched, follow } from "./upload.js";
import { showProgress } from "./progress.js";

export const BATCHES = "v2/batches";
const LONGEST_FETCHED = 50e6;
const PREDICTIONS = "predictions.csv";
const SHORTENED = "The list is long, so it is shown with one reason a customer, and rows cannot be opened.";

const element = (name) => document.getElementById(`list-${name}`);

/** The most bytes that reach the service in one request. */
const direct = () => Number(element("start").dataset.directBytes);
/** What the service says of more, where there is no other way. */
const refusal = () => JSON.parse(element("start").dataset.refusal ?? "null");

export class Way {
  /** The id of the job, as soon as the bucket may have the file. */
  job = "";
  #desk;
  #stop = new AbortController();
  #lines = 0;

  constructor(desk) {
    this.#desk = desk;
  }

  /** Aborted when the list is given up. */
  get signal() {
    return this.#stop.signal;
  }

  /** Give up. A job goes on. */
  end() {
    this.#stop.abort();
  }

  async score(file) {
    const packed = await this.#desk.call("pack", file);
    if (packed.unreadable) throw unreadable(file);
    this.#lines = packed.lines;
    try {
      return await this.#carry(packed, file.size);
    } catch (problem) {
      // Rows that are much alike pack to less than the service believes.
      if (problem.code !== "gzip_ratio" || !packed.plain) throw problem;
      return this.#carry({ ...packed, body: packed.plain }, file.size);
    }
  }

  async #carry(packed, size) {
    const sent = () => this.#sent({ ...packed, size });
    let tooLarge = null;
    if (packed.body.size <= direct()) {
      try {
        return await sent();
      } catch (problem) {
        if (refusal() || problem.status !== 413 || problem.code === "gzip_ratio") throw problem;
        tooLarge = problem;
      }
    } else if (refusal()) throw new Problem(refusal());
    try {
      await this.#deliver(packed.body);
    } catch (problem) {
      // The service was begun anew, without a bucket: it says in its words what it thinks of so long a file.
      if (problem.code !== "uploads_not_configured") throw problem;
      if (tooLarge) throw tooLarge;
      return sent();
    }
    return this.follow(this.job);
  }

  /** In one request. */
  async #sent(packed) {
    for (;;) {
      const found = await this.#desk.call("score", {
        ...packed,
        url: address(BATCHES).href,
        headers: headers(),
        idName: idName(),
      });
      noticeModel(found.model);
      const { summary, hasInput, reasons } = found;
      if (summary) {
        const closed = hasInput ? "" : SHORTENED;
        return { body: packed.body, summary, closed, reasons, notes: closed ? [closed] : [], isPriced: true };
      }
      if (found.status === 0) throw cutOff(found.rows);
      const problem = problemFrom(found.status, found.text, found.requestId);
      if (found.status !== 401) throw problem;
      await newKey(problem, this.#stop.signal);
    }
  }

  async #deliver(body) {
    const { signal } = this.#stop;
    const form = await begin(signal);
    if (body.size > form.max_bytes) throw tooLong(body.size, form.max_bytes);
    const onSent = (done) => showProgress({ step: "send", done, of: body.size });
    // From here on it may be there, even if nothing more is heard of it.
    const onGone = () => {
      this.job = form.id;
    };
    try {
      await deliver(form, body, { onSent, onGone, signal });
    } catch (problem) {
      // Sent again, it gets an id of its own.
      if (!signal.aborted) this.job = "";
      throw problem;
    }
  }

  #begun(id) {
    this.job = id;
    element("job").hidden = !id;
    element("job-id").textContent = id;
  }

  /** Wait for a job that the bucket has. */
  async follow(id) {
    const { signal } = this.#stop;
    this.#begun(id);
    const job = await follow(id, (state) => showProgress({ step: "score", ...this.#told(state) }), signal).catch((problem) => {
      if (problem.code === "expired") this.#begun("");
      throw problem;
    });
    const { rows, note } = await this.#rows(job, signal);
    const closed = `The list went through the service\u2019s bucket, as job ${id}: without reasons, and rows cannot be opened.`;
    const whole = `${closed} The whole files come as the bucket has them, not made safe for a spreadsheet.`;
    return { job: id, summary: job.summary, closed, reasons: 0, notes: [whole, note].filter(Boolean), ...rows };
  }

  #told({ status, problem, uploaded, stopped, rows_in: done, bytes_read: read, bytes }) {
    if (problem) return { words: `${problem.title}. Asking again.` };
    if (status === "running") return done ? { done, of: this.#lines || Math.round((done * bytes) / read) } : { words: "under way" };
    if (stopped) return { words: `It is tried again, since this happened: ${stopped}` };
    return { words: uploaded ? "waiting for its turn" : "waiting for the file" };
  }

  /** Have the desk take in the rows, or where that cannot be the customers that the summary names. */
  async #rows({ summary, files }, signal) {
    const file = files[PREDICTIONS];
    let why = `The scored list has ${megabytes(file.bytes)}, and this page takes in no more than ${megabytes(LONGEST_FETCHED)}`;
    if (file.bytes <= LONGEST_FETCHED) {
      try {
        const blob = await fetched(file, (done) => showProgress({ step: "fetch", done, of: file.bytes }), signal);
        return { rows: await this.#desk.call("read", { blob, idName: idName() }) };
      } catch {
        signal.throwIfAborted();
        why = "The scored list could not be fetched from the bucket";
      }
    }
    await this.#desk.call("top", { customers: summary.top, idName: idName() });
    const note = `${why}, so the table has only the ${counted(summary.top.length, "customer")} with the most money at risk.`;
    return { rows: { isPriced: true, isPart: true }, note };
  }
}

const idName = () => element("result").dataset.idName;

const unreadable = (file) =>
  new Problem({
    title: "The file cannot be read",
    detail: `${file.name} may be a folder, or was moved or changed since it was chosen. Choose it again.`,
  });

const tooLong = (bytes, most) =>
  new Problem({
    status: 413,
    title: "The file is too long",
    detail: `Packed it has ${megabytes(bytes)}; at most ${megabytes(most)} are taken. Send it in parts.`,
  });

export function cutOff(rows) {
  const how = rows ? `after ${counted(rows, "row")}` : "before there was an answer";
  return new Problem({
    code: "offline",
    title: navigator.onLine ? "The connection was cut" : "This device is offline",
    detail: `It broke off ${how}. Nothing was stored, and the file is still here: ${
      navigator.onLine ? "send it again when there is a connection" : "it is sent again as soon as there is a connection"
    }.`,
  });
}
