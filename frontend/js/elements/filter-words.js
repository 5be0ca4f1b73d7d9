/* <filter-words data-url> around an <input>: proposes what may stand at the cursor of a filter that is being written.
   The server answers ?text=...&at=... with {"start", "options": [{"text", "detail"}]}; `start` is where the word begins.
   Down and up choose, Enter or Tab takes what is chosen, Escape closes; without a choice Enter sends the form. */
import { el } from "../lib/dom.js";

const WAIT_MS = 120;

customElements.define("filter-words", class extends HTMLElement {
  #timer = null;
  #asked = null;
  #options = [];
  #start = 0;
  #at = -1;

  connectedCallback() {
    if (this.#list) return;
    const field = this.#field;
    const id = `${field.id}-list`;
    this.append(
      el("ul", { class: "fw-menu__list fw-lang__list", id, role: "listbox", "aria-label": "What may stand here", hidden: true }),
      el("p", { class: "fw-sr", role: "status" }));
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list" })) field.setAttribute(name, value);
    field.addEventListener("input", () => this.#soon());
    field.addEventListener("click", () => this.#soon());
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => this.#close());
    if (field.dataset.position) this.#showFault(Number(field.dataset.position) - 1);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
  }

  get #field() { return this.querySelector("input"); }
  get #list() { return this.querySelector("[role=listbox]"); }

  #showFault(place) {
    const end = this.#field.value.indexOf(" ", place + 1);
    this.#field.setSelectionRange(place, end < 0 ? this.#field.value.length : end);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), WAIT_MS);
  }

  async #ask() {
    const field = this.#field;
    if (!this.dataset.url || document.activeElement !== field) return;
    this.#asked?.abort();
    this.#asked = new AbortController();
    const query = new URLSearchParams({ text: field.value, at: field.selectionStart });
    try {
      const answer = await fetch(`${this.dataset.url}?${query}`, { headers: { Accept: "application/json" }, signal: this.#asked.signal });
      if (!answer.ok) return this.#close();
      const { start, options } = await answer.json();
      this.#start = start;
      this.#show(options);
    } catch (problem) {
      if (problem.name !== "AbortError") this.#close();
    }
  }

  #show(options) {
    this.#options = options;
    this.#list.hidden = !options.length;
    this.#field.setAttribute("aria-expanded", String(options.length > 0));
    this.#list.replaceChildren(...options.map((option, at) => el("li", { role: "option", id: `${this.#list.id}-${at}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); this.#take(at); } }, el("code", {}, option.text), " ", el("small", { class: "fw-3" }, option.detail))));
    this.querySelector("[role=status]").textContent = options.length ? `${options.length} proposals` : "";
    this.#choose(-1);
  }

  #choose(at) {
    this.#at = at;
    [...this.#list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === at)));
    if (at < 0) return this.#field.removeAttribute("aria-activedescendant");
    this.#field.setAttribute("aria-activedescendant", `${this.#list.id}-${at}`);
    this.#list.children[at].scrollIntoView({ block: "nearest" });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    if (this.#options.length) this.#show([]);
  }

  #take(at) {
    const field = this.#field;
    const text = `${this.#options[at].text} `;
    field.setRangeText(text, this.#start, field.selectionStart, "end");
    this.#close();
    this.#soon();
  }

  #key(event) {
    const count = this.#options.length;
    if (event.key === "ArrowDown" && !count) this.#ask();
    else if (event.key === "ArrowDown") this.#choose((this.#at + 1) % count);
    else if (event.key === "ArrowUp" && count) this.#choose(this.#at <= 0 ? count - 1 : this.#at - 1);
    else if (event.key === "Escape" && count) this.#close();
    else if ((event.key === "Enter" || event.key === "Tab") && this.#at >= 0) this.#take(this.#at);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End") return this.#soon();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
});
