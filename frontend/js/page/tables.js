/* Tables: a click on a row opens it, the selection counts, j and k move (see keys.js), density is remembered. */
import { setCookie } from "../lib/dom.js";

const interactive = "a, button, input, label, select, textarea, summary, copy-button";

document.addEventListener("click", (event) => {
  const density = event.target.closest("[data-density]");
  if (density) setCookie("fairway_density", density.dataset.density);
  const row = event.target.closest("tr[data-href]");
  if (!row || event.target.closest(interactive) || String(getSelection())) return;
  if (event.metaKey || event.ctrlKey) open(row.dataset.href, "_blank", "noopener");
  else location.assign(row.dataset.href);
});

const count = (table) => {
  const boxes = [...table.querySelectorAll('input[name="selected"]')];
  const selected = boxes.filter((box) => box.checked).length;
  const all = table.querySelector("[data-select-all]");
  if (all) {
    all.checked = selected > 0 && selected === boxes.length;
    all.indeterminate = selected > 0 && selected < boxes.length;
  }
  const bar = table.querySelector("[data-bulk]");
  if (!bar) return;
  bar.querySelector("[data-selected]").textContent = selected;
  for (const button of bar.querySelectorAll("[data-least]")) {
    const { least, most } = button.dataset;
    button.disabled = selected < Number(least) || selected > Number(most);
    button.title = selected < Number(least) ? `Select at least ${least}` : selected > Number(most) ? `Select at most ${most}` : "";
  }
};

document.addEventListener("change", (event) => {
  const table = event.target.closest("[data-table]");
  if (!table) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of table.querySelectorAll('input[name="selected"]')) box.checked = event.target.checked;
  }
  if (event.target.matches('[data-select-all], input[name="selected"]')) count(table);
});

document.addEventListener("reset", (event) => {
  const table = event.target.closest("[data-table]");
  if (!table || !event.target.matches("[data-bulk]")) return;
  for (const box of table.querySelectorAll('input[name="selected"]')) box.checked = false;
  count(table);
});

// A table that is being used does not change under the hand: it offers what is new instead.
document.addEventListener("htmx:beforeRequest", (event) => {
  const table = event.target.matches?.("live-part") ? event.target.closest("[data-table]") : null;
  if (!table) return;
  const fresh = table.querySelector("[data-fresh]");
  const used = table.contains(document.activeElement) || table.querySelector('input[name="selected"]:checked, details[open]');
  if (!used || !fresh) return;
  event.preventDefault();
  fresh.hidden = false;
});

/** Move the cursor of the first table by one row. */
export const moveCursor = (step) => {
  const rows = [...document.querySelectorAll("tr[data-href]")].filter((row) => row.offsetParent);
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.classList.contains("is-cursor"));
  rows[at]?.classList.remove("is-cursor");
  const next = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
  next.classList.add("is-cursor");
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("th a, a")?.focus({ preventScroll: true });
  return true;
};
