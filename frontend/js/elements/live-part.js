/* <live-part data-topic data-watch data-seen>: follows a topic whose rows say how things are now. When the field
   `data-watch` of a row's data differs from what the page was drawn with (`data-seen`), it fires `fw:changed` on itself,
   once; `hx-trigger="fw:changed"` then asks for the part again. Says live, delayed or offline in [data-status]. */
import { statusWords } from "../lib/format.js";
import { live } from "../lib/live.js";

customElements.define("live-part", class extends HTMLElement {
  #stop = null;
  connectedCallback() {
    this.#stop = live().follow(this.dataset.topic, 0, (rows) => this.#take(rows.at(-1)), (status) => this.#tell(status));
  }
  disconnectedCallback() { this.#stop?.(); }

  #take(row) {
    const now = row?.data?.[this.dataset.watch];
    if (now === undefined || String(now) === this.dataset.seen) return;
    this.dataset.seen = String(now);
    this.dispatchEvent(new CustomEvent("fw:changed", { bubbles: true, detail: { watch: this.dataset.watch, now } }));
  }

  #tell(status) {
    const place = this.querySelector("[data-status]");
    if (place) place.textContent = status.state === "live" ? "" : statusWords(status);
  }
});
