// A file on its way: packed, sent with its progress known, and its answer read as it comes. Runs in the worker.
const PACKED = "application/gzip";

// What a system calls a file says little: a CSV may be one of Excel's.
const typed = (blob, type) => new Blob([blob], { type });

/** A file packed by gzip, unless it came so, as it is (`plain`), and about how many rows it has. `onRead` is told the bytes read. */
export async function pack(file, onRead) {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (start[0] === 0x1f && start[1] === 0x8b) return { body: typed(file, PACKED), plain: null, lines: 0 };
  let read = 0;
  let lines = 0;
  const count = new TransformStream({
    transform(bytes, controller) {
      for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
      read += bytes.length;
      onRead(read);
      controller.enqueue(bytes);
    },
  });
  const packed = file.stream().pipeThrough(count).pipeThrough(new CompressionStream("gzip"));
  const body = typed(await new Response(packed).blob(), PACKED);
  return { body, plain: typed(file, "text/csv"), lines: Math.max(0, lines - 1) };
}

/**
 * Send a body. fetch says nothing of an upload's progress, so this is XMLHttpRequest. Resolves with the status, the
 * headers and, of a refusal, the text; status 0 is a connection that failed. `asBlob`: an answer too long for one string
 * is given to `onText` when all of it is there.
 */
export function send({ url, body, headers, asBlob, onSent, onText }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let taken = 0;
    let last = 0;
    const isGood = () => request.status >= 200 && request.status < 300;
    const take = (always) => {
      // Each look at the text may copy all of it.
      if (asBlob || !isGood() || (!always && performance.now() - last < 250)) return;
      last = performance.now();
      const text = request.responseText;
      onText(text.slice(taken));
      taken = text.length;
    };
    const end = async () => {
      const found = {
        status: request.status,
        requestId: request.getResponseHeader("X-Request-Id"),
        model: request.getResponseHeader("X-Model-Version"),
        text: "",
      };
      if (isGood() && asBlob) {
        const reader = request.response.stream().pipeThrough(new TextDecoderStream()).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) onText(part.value);
      } else if (isGood()) take(true);
      else if (request.status) found.text = asBlob ? await request.response.text() : request.responseText;
      resolve(found);
    };
    request.open("POST", url);
    request.responseType = asBlob ? "blob" : "text";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onprogress = () => take(false);
    request.onload = end;
    request.onerror = () => resolve({ status: 0, text: "" });
    request.send(body);
  });
}
