// Compresses a file, and sends it with progress while the answer is read. Runs in the worker.
const GZIP = "application/gzip";
const READ_INTERVAL_MS = 250;

// The type that the system gives a file is no help: it may call a CSV an Excel file.
const withType = (blob, type) => new Blob([blob], { type });

/**
 * Compress a file, unless it is compressed. Returns the `body` to send, the file itself as `plain` (null if it was compressed)
 * and roughly how many `rows` it has. `onRead` is called with the bytes read.
 */
export async function compress(file, onRead) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (first === 0x1f && second === 0x8b) return { body: withType(file, GZIP), plain: null, rows: 0 };
  let bytesRead = 0;
  let lines = 0;
  const counter = new TransformStream({
    transform(bytes, controller) {
      for (let index = bytes.indexOf(10); index !== -1; index = bytes.indexOf(10, index + 1)) lines += 1;
      bytesRead += bytes.length;
      onRead(bytesRead);
      controller.enqueue(bytes);
    },
  });
  const stream = file.stream().pipeThrough(counter).pipeThrough(new CompressionStream("gzip"));
  const body = withType(await new Response(stream).blob(), GZIP);
  return { body, plain: withType(file, "text/csv"), rows: Math.max(0, lines - 1) };
}

/**
 * Send a body. fetch reports no upload progress, so this is XMLHttpRequest. Resolves with the status, headers and, if it is an
 * error, the text; status 0 is a failed connection. `asBlob`: an answer too long for one string is passed to `onText` when it
 * is complete.
 */
export function send({ url, body, headers, asBlob = false, onSent = () => {}, onText = () => {} }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let length = 0;
    let lastRead = 0;
    const isOk = () => request.status >= 200 && request.status < 300;
    const readText = () => {
      lastRead = performance.now();
      const text = request.responseText;
      onText(text.slice(length));
      length = text.length;
    };
    request.open("POST", url);
    request.responseType = asBlob ? "blob" : "text";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onprogress = () => {
      // Each access to the text may copy all of it.
      if (!asBlob && isOk() && performance.now() - lastRead >= READ_INTERVAL_MS) readText();
    };
    request.onload = async () => {
      let errorText = "";
      if (!isOk()) errorText = asBlob ? await request.response.text() : request.responseText;
      else if (asBlob) await readChunks(request.response, onText);
      else readText();
      resolve({
        status: request.status,
        requestId: request.getResponseHeader("X-Request-Id"),
        model: request.getResponseHeader("X-Model-Version"),
        text: errorText,
      });
    };
    request.onerror = () => resolve({ status: 0, text: "" });
    request.send(body);
  });
}

async function readChunks(blob, onText) {
  const reader = blob.stream().pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) onText(chunk.value);
}
