// The ways from one page of a long table to the others.
import { make } from "../dom.js";
import { count } from "../format.js";

/** Draw them into `root`; `go(offset)` is called with the place of another page's first row. */
export function pager(root, { offset, count: size, total, go }) {
  root.hidden = total <= size;
  const last = Math.floor(Math.max(0, total - 1) / size) * size;
  const step = (name, to, isThere) => {
    const button = make("button", { type: "button", className: "secondary", disabled: !isThere, "aria-label": name[1] }, name[0]);
    button.addEventListener("click", async () => {
      await go(to);
      // The button was drawn anew; the focus stays where it was, or goes to one that can be used.
      const again = [...root.querySelectorAll("button")];
      const same = again.find((each) => each.getAttribute("aria-label") === name[1]);
      (same?.disabled ? again.find((each) => !each.disabled) : same)?.focus();
    });
    return button;
  };
  root.replaceChildren(
    step(["\u00ab", "First page"], 0, offset > 0),
    step(["\u2039", "Page before"], offset - size, offset > 0),
    make("span", { role: "status" }, `${count(offset + 1)} to ${count(Math.min(total, offset + size))} of ${count(total)}`),
    step(["\u203a", "Next page"], offset + size, offset < last),
    step(["\u00bb", "Last page"], last, offset < last),
  );
}
