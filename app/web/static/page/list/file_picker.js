// How a file gets to the view: chosen, dropped, or the sample. Also the template to fill in.
import { request } from "../api.js";
import { byId } from "../dom.js";
import { saveBlob } from "./download.js";

const BUTTONS = ["list-choose-file", "list-sample", "list-template"];

/** Calls `onFile(file)` for each file, `onSample()` for the sample, and `onError(error)` if a file was refused; `isBusy()` is asked first. */
export function startFilePicker(view, { onFile, onSample, onError, isBusy }) {
  const input = byId("list-file");
  byId("list-choose-file").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    // The same file may be chosen again after it was corrected.
    input.value = "";
    if (file) onFile(file);
  });
  byId("list-sample").addEventListener("click", onSample);
  byId("list-template").addEventListener("click", async () => {
    try {
      saveBlob(await (await request("v2/template.csv", { accept: "text/csv" })).blob(), "customers.csv");
    } catch (error) {
      onError(error);
    }
  });
  // Until now a click would have done nothing.
  for (const id of BUTTONS) byId(id).disabled = false;

  // Anywhere on the page while the view is shown; main.js keeps the browser from opening the file.
  let depth = 0;
  const setDepth = (value) => {
    depth = value;
    byId("list-drop-zone").classList.toggle("drag-over", depth > 0);
  };
  const isFileDrag = (event) => !view.hidden && event.dataTransfer.types.includes("Files");
  addEventListener("dragenter", (event) => isFileDrag(event) && setDepth(depth + 1));
  addEventListener("dragleave", (event) => isFileDrag(event) && setDepth(depth - 1));
  addEventListener("drop", (event) => {
    if (!isFileDrag(event)) return;
    setDepth(0);
    const { files } = event.dataTransfer;
    if (isBusy()) onError({ title: "A list is being scored", detail: "Cancel it to send another one." });
    else if (files.length === 1) onFile(files[0]);
    else if (files.length)
      onError({ title: "One file at a time", detail: `${files.length} files were dropped. Drop one CSV file.` });
  });
}
