// Shows one of the three views, by the part of the URL after "#". The module of a view is loaded when it is first shown.
import { errorBox } from "./dom.js";

const MODULES = {
  customer: () => import("./customer.js"),
  list: () => import("./list/view.js"),
  model: () => import("./model.js"),
};
const DEFAULT_VIEW = "customer";
const started = new Set();
/** The focused element and the scroll position of each view that was left by a step inside of it. */
const positions = new Map();

/** The view that the URL names. "#content" is the link past the navigation, and no view. */
function viewOfUrl() {
  const name = location.hash.slice(1);
  return Object.hasOwn(MODULES, name) || name === "" ? name || DEFAULT_VIEW : null;
}

async function show(name, isNavigation) {
  const sections = document.querySelectorAll("main > [data-view]");
  // First, since the browser scrolls when two of them are visible.
  for (const section of sections) if (!section.hidden) savePosition(section);
  for (const section of sections) section.hidden = section.dataset.view !== name;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const section = document.querySelector(`main > [data-view="${name}"]`);
  const heading = section.querySelector("h1");
  document.title = `${heading.textContent} · Churn`;
  const position = positions.get(name);
  if (position?.element.isConnected && position.element.checkVisibility()) {
    position.element.focus({ preventScroll: true });
    window.scrollTo(0, position.top);
  } else if (isNavigation) {
    heading.focus();
    window.scrollTo(0, 0);
  }
  if (started.has(name)) return;
  started.add(name);
  try {
    (await MODULES[name]()).start(section);
  } catch {
    // The browser does not load a failed module again, so only a new page helps.
    const error = {
      title: "This part of the page did not load",
      detail: "The connection may have been lost, or the service was replaced in the meantime.",
    };
    section.append(errorBox(error, () => location.reload()));
  }
}

function savePosition(section) {
  const element = document.activeElement;
  if (section.contains(element)) positions.set(section.dataset.view, { element, top: window.scrollY });
  else positions.delete(section.dataset.view);
}

// A browser opens a file that is dropped on a page, and the page would be gone. Only the customer list accepts files.
for (const type of ["dragover", "drop"]) {
  addEventListener(type, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    if (document.querySelector('main > [data-view="list"]').hidden) event.dataTransfer.dropEffect = "none";
  });
}

addEventListener("hashchange", () => viewOfUrl() && show(viewOfUrl(), true));
show(viewOfUrl() ?? DEFAULT_VIEW, false);
