/* <run-curves data-topic="run.<id>" data-after>: lets the curves inside grow while their run measures. Points of a
   line that is drawn are added to it; a new line asks the server for the charts again (event fw:curves-new). */
import { live } from "../lib/live.js";

const DRAW_MS = 400;
const ASK_MS = 1500;

customElements.define("run-curves", class extends HTMLElement {
  #stop = null;
  #dirty = new Set();
  #drawing = 0;
  #asking = 0;

  connectedCallback() {
    if (!this.dataset.topic) return;
    this.#stop = live().follow(this.dataset.topic, Number(this.dataset.after || 0), (rows) => rows.forEach((row) => this.#take(row)), () => {});
  }

  disconnectedCallback() {
    this.#stop?.();
    clearTimeout(this.#drawing);
    clearTimeout(this.#asking);
  }

  #take({ kind, data }) {
    if (kind !== "metric" || typeof data?.value !== "number") return;
    for (const plot of this.querySelectorAll("plot-figure")) {
      const line = plot.figure?.data?.find((trace) => trace.meta === data.key);
      if (!line) continue;
      const last = line.x.length - 1;
      if (last < 0 || data.step > line.x[last]) {
        line.x.push(data.step);
        line.y.push(data.value);
      } else {
        const at = line.x.indexOf(data.step);
        if (at >= 0) line.y[at] = data.value;
      }
      // The label at the end of a line goes with it.
      const note = plot.figure.layout?.annotations?.find((one) => one.text === line.name);
      if (note) Object.assign(note, { x: line.x.at(-1), y: line.y.at(-1) });
      this.#dirty.add(plot);
      this.#drawing ||= setTimeout(() => this.#draw(), DRAW_MS);
      return;
    }
    this.#asking ||= setTimeout(() => this.dispatchEvent(new CustomEvent("fw:curves-new")), ASK_MS);
  }

  #draw() {
    this.#drawing = 0;
    for (const plot of this.#dirty) plot.figure = plot.figure;
    this.#dirty.clear();
  }
});
