// Shows one of the three views, by the part of the address after "#". A view's module is fetched when it is first shown.
import { Problem } from "./api.js";
import { problemBox } from "./dom.js";

const MODULES = {
  customer: () => import("./customer.js"),
  list: () => import("./list/view.js"),
  model: () => import("./model.js"),
};
const FIRST = "customer";
const started = new Set();
/** Where somebody was in a view when a step inside of it led to another: what had the focus, and how far down. */
const places = new Map();

/** The view that the address names, if any: "#content" is the way past the tabs, and no view. */
function wanted() {
  const name = location.hash.slice(1);
  return Object.hasOwn(MODULES, name) || name === "" ? name || FIRST : null;
}

async function show(name, byHand) {
  const sections = document.querySelectorAll("main > [data-view]");
  // First: with two of them in sight, the browser scrolls.
  for (const section of sections) if (!section.hidden) remember(section);
  for (const section of sections) section.hidden = section.dataset.view !== name;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const section = document.querySelector(`main > [data-view="${name}"]`);
  const heading = section.querySelector("h1");
  document.title = `${heading.textContent} · Churn`;
  const place = places.get(name);
  if (place?.element.isConnected && place.element.checkVisibility()) {
    place.element.focus({ preventScroll: true });
    window.scrollTo(0, place.top);
  } else if (byHand) {
    heading.focus();
    window.scrollTo(0, 0);
  }
  if (started.has(name)) return;
  started.add(name);
  try {
    (await MODULES[name]()).start(section);
  } catch {
    // A module that did not arrive is not asked for again under the same name, so only a new page helps.
    section.append(
      problemBox(
        new Problem({
          title: "This part of the page did not load",
          detail: "The connection may have been cut, or the service was replaced meanwhile.",
        }),
        () => location.reload(),
      ),
    );
  }
}

function remember(section) {
  const element = document.activeElement;
  if (section.contains(element)) places.set(section.dataset.view, { element, top: window.scrollY });
  else places.delete(section.dataset.view);
}

// A browser opens a file that is dropped on a page, and the page would be gone. Only the view "A list" takes one.
for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    if (document.querySelector('main > [data-view="list"]').hidden) event.dataTransfer.dropEffect = "none";
  });
}

addEventListener("hashchange", () => wanted() && show(wanted(), true));
show(wanted() ?? FIRST, false);
