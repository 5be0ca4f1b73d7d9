/* <run-picker data-url data-name data-most>: choose several runs by name or id; sends one hidden input for each.
   The server answers ?q=...&format=json with {"hits": [{"id", "label", "detail"}]}. */
import { el, icon } from "../lib/dom.js";

const WAIT_MS = 150;

customElements.define("run-picker", class extends HTMLElement {
  #timer = null;
  #hits = [];
  #at = -1;

  connectedCallback() {
    if (this.querySelector("[role=combobox]")) return;
    const id = `pick-${this.dataset.name ?? "run"}`;
    this.append(
      el("div", { class: "fw-chips", "data-chosen": true }),
      el("div", { class: "fw-find fw-mt" }, icon("search"), el("input", { class: "fw-in", id, type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", "aria-label": this.dataset.label ?? "Add a run", placeholder: this.dataset.label ?? "Add a run", autocomplete: "off" })),
      el("ul", { class: "fw-menu__list fw-picker__list", id: `${id}-list`, role: "listbox", "aria-label": "Runs", hidden: true }));
    const field = this.querySelector("input");
    field.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(field.value.trim()), WAIT_MS);
    });
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => setTimeout(() => this.#show([]), 150));
    for (const { id: run, label } of JSON.parse(this.dataset.chosen || "[]")) this.#add(run, label);
  }

  get #list() { return this.querySelector("ul"); }
  get #ids() { return [...this.querySelectorAll("input[type=hidden]")].map((input) => input.value); }

  async #ask(text) {
    if (!text) return this.#show([]);
    try {
      const answer = await fetch(`${this.dataset.url}${this.dataset.url.includes("?") ? "&" : "?"}${new URLSearchParams({ q: text, format: "json" })}`);
      const { hits = [] } = await answer.json();
      this.#show(hits.filter((hit) => !this.#ids.includes(String(hit.id))));
    } catch {
      this.#show([]);
    }
  }

  #show(hits) {
    this.#hits = hits;
    this.#at = hits.length ? 0 : -1;
    this.#list.hidden = !hits.length;
    this.querySelector("[role=combobox]").setAttribute("aria-expanded", String(hits.length > 0));
    this.#list.replaceChildren(...hits.map((hit, at) => el("li", { role: "option", "aria-selected": String(at === this.#at), onmousedown: () => this.#add(hit.id, hit.label) }, el("b", {}, hit.label), " ", el("small", { class: "fw-3" }, hit.detail ?? ""))));
  }

  #key(event) {
    if (event.key === "Escape") return this.#show([]);
    if (!this.#hits.length) return;
    if (event.key === "Enter") this.#add(this.#hits[this.#at].id, this.#hits[this.#at].label);
    else if (event.key === "ArrowDown") this.#at = (this.#at + 1) % this.#hits.length;
    else if (event.key === "ArrowUp") this.#at = (this.#at + this.#hits.length - 1) % this.#hits.length;
    else return;
    event.preventDefault();
    [...this.#list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === this.#at)));
  }

  #add(id, label) {
    const most = Number(this.dataset.most || 10);
    if (this.#ids.length >= most) return;
    const chip = el("span", { class: "fw-chip" }, el("b", {}, label), el("input", { type: "hidden", name: this.dataset.name ?? "run", value: String(id) }),
      el("button", { class: "fw-chip__x", type: "button", "aria-label": `Remove ${label}`, onclick: () => { chip.remove(); this.dispatchEvent(new Event("change", { bubbles: true })); } }, icon("x")));
    this.querySelector("[data-chosen]").append(chip);
    const field = this.querySelector("[role=combobox]");
    field.value = "";
    this.#show([]);
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
