/* <threshold-explorer> around a form with a range input and a table, with a JSON block of counts by score: while the
   range moves, every row's metrics are worked out here. Without a script the form asks the server for the same. */
import { fixed } from "../lib/format.js";
import { changeText, countsAt, endsText, metricAt, valueText } from "../lib/threshold.js";

customElements.define("threshold-explorer", class extends HTMLElement {
  #data = null;

  connectedCallback() {
    if (this.#data) return;
    this.#data = JSON.parse(this.querySelector('script[type="application/json"]').textContent);
    this.#range.addEventListener("input", () => this.#show());
    this.querySelector("[data-today]")?.addEventListener("click", () => {
      this.#range.value = this.#data.today / this.#data.bins;
      this.#show();
      this.#range.focus();
    });
    this.querySelectorAll("[data-script]").forEach((part) => { part.hidden = false; });
    this.querySelectorAll("[data-plain]").forEach((part) => { part.hidden = true; });
    this.#show();
  }

  get #range() { return this.querySelector("input[type=range]"); }

  #show() {
    const { bins, today, groups, metrics, costs, z } = this.#data;
    const edge = Math.round(Number(this.#range.value) * bins);
    const text = fixed(edge / bins, 3);
    this.querySelector("output").textContent = text;
    this.#range.setAttribute("aria-valuetext", text);
    const rows = this.querySelectorAll("tr[data-group]");
    groups.forEach((held, place) => {
      const [own, base] = [countsAt(held, edge), countsAt(held, today)];
      for (const name of metrics) {
        const cell = rows[place].querySelector(`[data-metric="${name}"]`);
        const [now, then] = [metricAt(name, own, costs, z), metricAt(name, base, costs, z)];
        cell.querySelector("b").textContent = valueText(name, now.value);
        cell.querySelector("[data-change]").textContent = edge === today ? "" : changeText(name, now.value, then.value);
        cell.querySelector("[data-ends]").textContent = endsText(name, now.ends);
      }
    });
    for (const kept of this.querySelectorAll('input[type="hidden"][name="at"], input[data-follow]')) kept.value = text;
    const address = new URL(location.href);
    if (edge === today) address.searchParams.delete("at");
    else address.searchParams.set("at", text);
    history.replaceState(history.state, "", address);
  }
});
