/* <job-progress data-topic data-after data-state>: keeps state, progress, processor and memory of a job true.
   What it finds inside it fills: progress, [data-title], [data-text], [data-status], [data-cpu], [data-memory],
   [data-spark=cpu|memory] (data-top: the upper end); on the page: [data-job-state] badges. */
import { el, mark } from "../lib/dom.js";
import { bytes, percent, progressWords, statusWords } from "../lib/format.js";
import { live } from "../lib/live.js";

const LOOKS = {
  PENDING: ["none", "dashed"], QUEUED: ["none", "dashed"], STARTING: ["info", "spin"], RUNNING: ["info", "spin"],
  SUCCEEDED: ["good", "tick"], FAILED: ["bad", "diamond"], TIMED_OUT: ["bad", "diamond"], CANCELLED: ["none", "off"],
};
const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const KEPT = 60;

customElements.define("job-progress", class extends HTMLElement {
  #stop = null;
  #usage = { cpu: [], memory: [] };
  #ended = false;

  connectedCallback() {
    if (FINAL.has(this.dataset.state)) return;
    const box = this.querySelector(".fw-prog");
    if (box && !box.querySelector("[data-status]")) {
      const head = box.querySelector("h2")?.parentElement ?? box.insertBefore(el("div", {}, el("h2", { "data-title": true }, box.querySelector("[data-text]")?.textContent ?? "")), box.firstChild);
      head.append(el("span", { class: "fw-live fw-live--ended", role: "status", "data-status": true }, "connecting"));
    }
    this.#stop = live().follow(this.dataset.topic, Number(this.dataset.after || 0), (rows) => rows.forEach((row) => this.#take(row)), (status) => this.#tell(status));
  }
  disconnectedCallback() { this.#stop?.(); }

  #take(row) {
    const data = row.data ?? {};
    if (row.kind === "state") this.#state(data.state, data.text);
    else if (row.kind === "progress") this.#progress(data);
    else if (row.kind === "usage") this.#use(data);
    this.dispatchEvent(new CustomEvent("fw:row", { detail: row, bubbles: true }));
  }

  #fill(selector, text) {
    for (const node of this.querySelectorAll(selector)) node.textContent = text;
  }

  #progress({ fraction, text, step, total, seconds_left: told }) {
    const bar = this.querySelector("progress");
    if (bar) {
      if (fraction === null || fraction === undefined) bar.removeAttribute("value");
      else bar.value = fraction * bar.max;
    }
    if (text) this.#fill("[data-title]", text);
    const started = this.dataset.startedAt ? (Date.now() - new Date(this.dataset.startedAt)) / 1000 : null;
    const left = told ?? (started && fraction > 0.05 && fraction < 1 ? (started * (1 - fraction)) / fraction : null);
    const words = progressWords({ fraction, step, total, left });
    if (words) this.#fill("[data-text]", words);
  }

  #use({ cpu, memory }) {
    if (typeof cpu === "number") this.#fill("[data-cpu]", percent(cpu));
    if (typeof memory === "number") this.#fill("[data-memory]", bytes(memory));
    for (const [name, value] of [["cpu", cpu], ["memory", memory]]) {
      if (typeof value !== "number") continue;
      const values = this.#usage[name];
      values.push(value);
      if (values.length > KEPT) values.shift();
      this.#line(this.querySelector(`[data-spark="${name}"]`), values);
    }
  }

  #line(svg, values) {
    const line = svg?.querySelector("polyline");
    if (!line || values.length < 2) return;
    const top = Number(svg.dataset.top) || Math.max(...values) || 1;
    const step = 100 / (values.length - 1);
    line.setAttribute("points", values.map((value, i) => `${(i * step).toFixed(1)},${(30 - Math.min(value / top, 1) * 28).toFixed(1)}`).join(" "));
  }

  #state(state, text) {
    if (!state) return;
    this.dataset.state = state;
    const [tone, shape] = LOOKS[state] ?? ["none", "dashed"];
    for (const badge of document.querySelectorAll("[data-job-state]")) {
      const inner = badge.querySelector(".fw-state") ?? badge;
      inner.className = `fw-state fw-state--${tone} fw-badge`;
      inner.replaceChildren(mark(shape), state.toLowerCase().replace("_", " "));
    }
    if (text) this.#fill("[data-text]", text);
    if (!FINAL.has(state)) return;
    this.#ended = true;
    this.#tell({ state: "ended" });
    this.#stop?.();
    document.body.dispatchEvent(new CustomEvent("fw:job-ended", { detail: { topic: this.dataset.topic, state }, bubbles: true }));
  }

  #tell(status) {
    const node = this.querySelector("[data-status]");
    if (!node) return;
    const shown = this.#ended ? { state: "ended" } : status;
    node.className = `fw-live fw-live--${shown.state}`;
    node.textContent = statusWords(shown);
  }
});
