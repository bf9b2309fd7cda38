// How a list comes: dropped, chosen, or the sample. Also the two files that the API gives away.
import { announce, ask } from "../api.js";
import { save } from "./save.js";

const SAMPLE = "sample.csv";

const element = (name) => document.getElementById(`list-${name}`);

/** `take(file)` is given each file; `refuse(problem)` is told why there is none; `isBusy()` says whether to wait. */
export function choose(root, { take, refuse, isBusy }) {
  const input = element("file");
  element("pick").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    // The same file may be chosen again, mended meanwhile.
    input.value = "";
    if (file) take(file);
  });
  element("sample").addEventListener("click", async () => {
    try {
      const response = await ask(`v2/${SAMPLE}`, { accept: "text/csv" });
      take(new File([await response.blob()], SAMPLE));
    } catch (problem) {
      refuse(problem);
    }
  });
  element("template").addEventListener("click", async () => {
    try {
      save(await (await ask("v2/template.csv", { accept: "text/csv" })).blob(), "customers.csv");
    } catch (problem) {
      refuse(problem);
    }
  });

  // Until now a click would have been lost.
  for (const name of ["pick", "sample", "template"]) element(name).disabled = false;

  // Anywhere in the view: a browser opens a file that is dropped beside its place, and the page would be gone.
  let inside = 0;
  const light = () => element("drop").classList.toggle("over", inside > 0);
  const carriesFile = (event) => event.dataTransfer.types.includes("Files");
  root.addEventListener("dragenter", (event) => {
    if (!carriesFile(event)) return;
    inside += 1;
    light();
  });
  root.addEventListener("dragleave", (event) => {
    if (!carriesFile(event)) return;
    inside -= 1;
    light();
  });
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    light();
    const { files } = event.dataTransfer;
    if (isBusy()) announce("A list is being scored. Cancel it to send another.");
    else if (files.length === 1) take(files[0]);
    else if (files.length) refuse({ title: "One file at a time", detail: `${files.length} files were dropped. Drop one CSV.` });
  });
}
