// How a list comes: dropped, chosen, or the sample. Also the two files that the API gives away.
import { ask } from "../api.js";
import { save } from "./download.js";

const element = (name) => document.getElementById(`list-${name}`);

/** `take(file)` is given each file, `sample()` is to get one; `refuse(problem)` is told why there is none; `isBusy()` says whether to wait. */
export function choose(root, { take, sample, refuse, isBusy }) {
  const input = element("file");
  element("choose-file").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    // The same file may be chosen again, mended meanwhile.
    input.value = "";
    if (file) take(file);
  });
  element("sample").addEventListener("click", sample);
  element("template").addEventListener("click", async () => {
    try {
      save(await (await ask("v2/template.csv", { accept: "text/csv" })).blob(), "customers.csv");
    } catch (problem) {
      refuse(problem);
    }
  });

  // Until now a click would have been lost.
  for (const name of ["choose-file", "sample", "template"]) element(name).disabled = false;

  // Anywhere on the page while the view is shown; main.js keeps the browser from opening the file.
  let inside = 0;
  const light = () => element("drop-zone").classList.toggle("drag-over", inside > 0);
  const isForUs = (event) => !root.hidden && event.dataTransfer.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!isForUs(event)) return;
    inside += 1;
    light();
  });
  addEventListener("dragleave", (event) => {
    if (!isForUs(event)) return;
    inside -= 1;
    light();
  });
  addEventListener("drop", (event) => {
    if (!isForUs(event)) return;
    inside = 0;
    light();
    const { files } = event.dataTransfer;
    if (isBusy()) refuse({ title: "A list is being scored", detail: "Cancel it to send another." });
    else if (files.length === 1) take(files[0]);
    else if (files.length) refuse({ title: "One file at a time", detail: `${files.length} files were dropped. Drop one CSV.` });
  });
}
