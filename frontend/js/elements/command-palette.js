/* <command-palette data-url>: Ctrl/Cmd-K. Goes to any object by name or id, runs any action, also without the server. */
import { el, icon } from "../lib/dom.js";

const WAIT_MS = 120;

customElements.define("command-palette", class extends HTMLElement {
  #dialog = null;
  #timer = null;
  #asked = null;
  #options = [];
  #at = 0;

  show() {
    if (!this.#dialog) this.#build();
    if (this.#dialog.open) return;
    this.#input.value = "";
    this.#dialog.showModal();
    this.#draw([], []);
    this.#ask("");
  }

  get #input() { return this.#dialog.querySelector("input"); }
  get #list() { return this.#dialog.querySelector("ul"); }

  #build() {
    this.#dialog = el("dialog", { class: "fw-dialog fw-palette", "aria-label": "Search or run a command" },
      el("div", { class: "fw-palette__in" }, icon("search"),
        el("input", { type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": "fw-palette-list", "aria-autocomplete": "list", "aria-label": "Name, id or command", placeholder: "Name, id or command", autocomplete: "off", spellcheck: "false" }),
        el("kbd", {}, "Esc")),
      el("ul", { id: "fw-palette-list", role: "listbox", "aria-label": "Results" }),
      el("p", { class: "fw-sr", role: "status" }),
      el("p", { class: "fw-palette__foot" }, el("span", {}, el("kbd", {}, "↑"), " ", el("kbd", {}, "↓"), " move"), el("span", {}, el("kbd", {}, "Enter"), " open")));
    this.append(this.#dialog);
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#draw([], [], true);
      this.#timer = setTimeout(() => this.#ask(this.#input.value.trim()), WAIT_MS);
    });
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#run(this.#options[Number(option.dataset.at)]);
    });
  }

  #local() {
    const places = [...document.querySelectorAll(".fw-rail li a")].map((link) => ({ group: "Go to", label: link.title, url: link.href, icon: "arrow-right", detail: link.dataset.go ? `g ${link.dataset.go}` : "" }));
    const theme = { group: "Actions", label: "Switch between light and dark", icon: "contrast", run: () => document.querySelector("theme-toggle button:not([data-theme])")?.click() };
    const wanted = this.#input.value.trim().toLowerCase();
    return [...places, theme].filter((item) => item.label.toLowerCase().includes(wanted));
  }

  async #ask(text) {
    if (!this.dataset.url) return;
    this.#asked?.abort();
    this.#asked = new AbortController();
    try {
      const query = new URLSearchParams({ q: text, format: "json" });
      const answer = await fetch(`${this.dataset.url}?${query}`, { headers: { Accept: "application/json" }, signal: this.#asked.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const { hits = [], commands = [] } = await answer.json();
      this.#draw(hits, commands);
    } catch (problem) {
      if (problem.name !== "AbortError") this.#draw([], [], false, "The search could not be reached; places still work.");
    }
  }

  #draw(hits, commands, waiting = false, note = "") {
    const wanted = this.#input.value.trim().toLowerCase();
    const items = [
      ...hits.map((hit) => ({ ...hit, group: hit.kind })),
      ...commands.filter((c) => c.label.toLowerCase().includes(wanted)).map((c) => ({ ...c, group: "Actions" })),
      ...this.#local(),
    ];
    this.#options = [];
    const nodes = [];
    for (const group of new Set(items.map((item) => item.group))) {
      nodes.push(el("li", { role: "presentation" }, group));
      for (const item of items.filter((one) => one.group === group)) {
        const at = this.#options.push(item) - 1;
        nodes.push(el("li", { role: "option", id: `fw-palette-${at}`, "data-at": at, "aria-selected": "false" }, icon(item.icon || "arrow-right"), el("b", {}, item.label), item.detail ? el("small", {}, item.detail) : null));
      }
    }
    if (note || (!items.length && !waiting)) nodes.push(el("li", { class: "fw-palette__none", role: "presentation" }, note || `Nothing fits “${this.#input.value.trim()}”.`));
    this.#list.replaceChildren(...nodes);
    this.#dialog.querySelector("[role=status]").textContent = waiting ? "" : `${this.#options.length} results`;
    this.#select(0);
  }

  #select(at) {
    this.#at = at;
    for (const option of this.#list.querySelectorAll("[role=option]")) option.setAttribute("aria-selected", String(Number(option.dataset.at) === at));
    const chosen = this.#list.querySelector("[aria-selected=true]");
    chosen?.scrollIntoView({ block: "nearest" });
    if (chosen) this.#input.setAttribute("aria-activedescendant", chosen.id);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const last = this.#options.length - 1;
    if (event.key === "ArrowDown") this.#select(this.#at >= last ? 0 : this.#at + 1);
    else if (event.key === "ArrowUp") this.#select(this.#at <= 0 ? last : this.#at - 1);
    else if (event.key === "Enter") this.#run(this.#options[this.#at]);
    /* A search field would keep the first Esc to empty itself. */
    else if (event.key === "Escape") this.#dialog.close();
    else return;
    event.preventDefault();
  }

  #run(item) {
    if (!item) return;
    this.#dialog.close();
    if (item.run) item.run();
    else location.assign(item.url);
  }
});
