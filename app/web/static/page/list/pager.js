// The buttons between the pages of a long table.
import { create } from "../dom.js";
import { formatCount } from "../format.js";

/** Draw the buttons into `root`; `goTo(offset)` is called with the index of another page's first row. */
export function drawPager(root, { offset, pageSize, total, goTo }) {
  root.hidden = total <= pageSize;
  const last = Math.floor(Math.max(0, total - 1) / pageSize) * pageSize;
  const pageButton = (text, label, target, isEnabled) => {
    const button = create(
      "button",
      { type: "button", className: "secondary", disabled: !isEnabled, "aria-label": label },
      text,
    );
    button.addEventListener("click", async () => {
      await goTo(target);
      // The buttons were drawn again; the focus stays on this one, or goes to one that is enabled.
      const buttons = [...root.querySelectorAll("button")];
      const same = buttons.find((other) => other.getAttribute("aria-label") === label);
      (same?.disabled ? buttons.find((other) => !other.disabled) : same)?.focus();
    });
    return button;
  };
  const range = `${formatCount(offset + 1)} to ${formatCount(Math.min(total, offset + pageSize))} of ${formatCount(total)}`;
  root.replaceChildren(
    pageButton("\u00ab", "First page", 0, offset > 0),
    pageButton("\u2039", "Previous page", offset - pageSize, offset > 0),
    create("span", { role: "status" }, range),
    pageButton("\u203a", "Next page", offset + pageSize, offset < last),
    pageButton("\u00bb", "Last page", last, offset < last),
  );
}
