/* Keys: ? lists them, g + letter goes to a rail entry, / finds, j k Enter move and open, t shows a chart's table. */
import { el, isTyping } from "../lib/dom.js";
import { moveCursor } from "./tables.js";

let going = null;

const goTo = (letter) => {
  const entry = [...document.querySelectorAll("[data-go]")].find((link) => link.dataset.go === letter);
  if (entry) location.assign(entry.href);
};

const toggleTwin = () => {
  const near = document.activeElement?.closest?.(".fw-fig") ?? document.querySelector(".fw-fig:hover");
  const button = (near ?? document).querySelector("[data-twin]");
  button?.click();
  return Boolean(button);
};

const keyList = () => {
  const keys = [
    [["Ctrl", "K"], "search, or run a command"], [["/"], "focus the filter"], [["j"], "next row"], [["k"], "previous row"],
    [["Enter"], "open the row"], [["t"], "table of a chart"], [["Esc"], "close, focus goes back"], [["?"], "this list"],
    ...[...document.querySelectorAll(".fw-rail [data-go]")].map((link) => [["g", link.dataset.go], `go to ${link.title}`]),
  ];
  const list = el("dl", { class: "fw-keys" });
  for (const [parts, text] of keys) list.append(el("dt", {}, ...parts.map((part) => el("kbd", {}, part))), el("dd", {}, text));
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "h-keys" },
    el("div", { class: "fw-dialog__head" }, el("h2", { id: "h-keys" }, "Keys")),
    el("div", { class: "fw-dialog__body" }, list),
    el("div", { class: "fw-dialog__foot" }, el("button", { class: "btn", type: "button", "data-close": true }, "Close")));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
};

const ACTIONS = {
  "?": () => keyList(),
  "/": () => {
    const field = [...document.querySelectorAll("[data-filter]")].find((input) => input.offsetParent);
    field?.focus();
    field?.select();
    return Boolean(field);
  },
  j: () => moveCursor(1),
  k: () => moveCursor(-1),
  t: toggleTwin,
  g: () => {
    clearTimeout(going);
    going = setTimeout(() => { going = null; }, 1200);
  },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    document.querySelector("command-palette")?.show();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (going !== null) {
    clearTimeout(going);
    going = null;
    goTo(event.key);
    return;
  }
  const action = ACTIONS[event.key];
  if (action && action() !== false) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.matches?.("[data-filter]")) return;
  event.target.blur();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) keyList();
  if (event.target.closest("[data-palette]")) document.querySelector("command-palette")?.show();
});
