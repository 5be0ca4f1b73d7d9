/* Messages that pass: from scripts (lib/dom toast) and from the server (HX-Trigger fw:toast). */
import { el, icon, mark } from "../lib/dom.js";

const SHAPES = { good: "tick", info: "ring", warn: "triangle", bad: "diamond" };

document.addEventListener("fw:toast", (event) => {
  const { text, tone = "info" } = event.detail;
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const node = el("div", { class: "fw-toast" }, mark(SHAPES[tone] ?? "ring", `t-${tone}`), el("p", {}, text),
    el("button", { type: "button", "aria-label": "Dismiss", onclick: () => node.remove() }, icon("x")));
  place.append(node);
  while (place.children.length > 4) place.firstElementChild.remove();
  if (tone !== "bad") setTimeout(() => node.remove(), 7000);
});
