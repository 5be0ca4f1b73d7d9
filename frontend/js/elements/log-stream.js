/* <log-stream data-topic data-after data-state data-download>: the log of a job, for 100 000 lines and more.
   Lines that the server drew inside (.fw-log > div[data-line]) are kept; without them the element draws its own head.
   The log itself is quiet for screen readers; the status line speaks. */
import { el, icon } from "../lib/dom.js";
import { num, statusWords } from "../lib/format.js";
import { LineWindow, lineTone } from "../lib/lines.js";
import { live } from "../lib/live.js";

const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]);

customElements.define("log-stream", class extends HTMLElement {
  #window = new LineWindow();
  #following = true;
  #waiting = false;
  #attempt = 0;
  #number = 0;
  #found = -1;
  #ended = false;
  #stop = null;

  connectedCallback() {
    if (!this.querySelector("[data-follow]")) this.#build();
    if (FINAL.has(this.dataset.state)) {
      this.#ended = true;
      this.#tell({ state: "ended" });
      return;
    }
    this.#stop = live().follow(this.dataset.topic, Number(this.dataset.after || 0), (rows) => this.#take(rows), (status) => this.#tell(status));
  }
  disconnectedCallback() { this.#stop?.(); }

  get #box() { return this.querySelector(".fw-log"); }

  #build() {
    const drawn = this.#box;
    const status = el("span", { class: "fw-live fw-live--ended", role: "status", "data-status": true }, "connecting");
    const follow = el("button", { class: "btn btn-sm btn-quiet", type: "button", "aria-pressed": "true", "data-follow": true, onclick: () => this.#follow(!this.#following) }, "Follow");
    if (drawn) {
      this.prepend(el("div", { class: "fw-logbar" }, status, follow));
      this.#adopt(drawn);
    } else this.#buildHead(status, follow);
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  #adopt(box) {
    for (const node of box.querySelectorAll("[data-line]")) {
      const [number, at, text] = [...node.children].map((part) => part.textContent);
      this.#window.push({ number: Number(number), at: parseFloat(at), text, tone: node.className });
    }
    this.#number = this.#window.lines.at(-1)?.number ?? 0;
    this.#window.advance();
    box.scrollTop = box.scrollHeight;
  }

  #buildHead(status, follow) {
    this.append(
      el("div", { class: "fw-card__head" },
        el("h2", {}, "Log"), el("span", { class: "fw-3 fw-sm fw-num", "data-lines": true }, "no line yet"),
        status,
        el("div", { class: "fw-do" },
          el("form", { class: "fw-find fw-hide-s", onsubmit: (event) => this.#find(event) }, icon("search"), el("input", { class: "fw-in", type: "search", placeholder: "Find in the log", "aria-label": "Find in the log", "data-find": true })),
          follow,
          this.dataset.download ? el("a", { class: "btn btn-sm btn-icon btn-quiet", href: this.dataset.download, download: true, "aria-label": "Download the log", title: "Download the log" }, icon("download")) : null)),
      el("div", { class: `fw-log ${this.dataset.css ?? ""}`, role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Job log" }, el("p", { class: "fw-log__empty" }, this.dataset.empty ?? "Waiting for the first line.")));
  }

  #take(rows) {
    for (const row of rows) {
      if (row.attempt > this.#attempt) {
        if (this.#attempt || row.attempt > 1) this.#note(`attempt ${row.attempt} started`);
        this.#attempt = row.attempt;
      }
      if (row.kind === "log") {
        let number = row.first_line ?? this.#number + 1;
        for (const [at, text] of row.lines) this.#window.push({ number: number++, at, text, tone: lineTone(text) });
        this.#number = number - 1;
      } else if (row.kind === "state" && FINAL.has(row.data?.state)) {
        this.#ended = true;
        this.#note(row.data.text ? `${row.data.state.toLowerCase().replace("_", " ")}: ${row.data.text}` : row.data.state.toLowerCase().replace("_", " "));
        this.#tell({ state: "ended" });
      }
      this.dispatchEvent(new CustomEvent("fw:row", { detail: row }));
    }
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #note(text) { this.#window.push({ number: "", at: null, text, tone: "s" }); }

  #line({ number, at, text, tone }) {
    return el("div", { class: tone || null }, el("i", {}, String(number)), el("i", {}, at === null ? "" : `${at.toFixed(1)} s`), el("span", {}, text));
  }

  #draw() {
    const count = this.querySelector("[data-lines]") ?? this.closest(".fw-card")?.querySelector("[data-lines]");
    if (count) count.textContent = this.#number ? `${num(this.#number)} line${this.#number === 1 ? "" : "s"}` : "no line yet";
    if (!this.#following && this.#window.hiddenAfter && this.#window.to - this.#window.from >= 2900) return;
    const [fresh, drop] = this.#window.advance();
    if (!fresh.length) return;
    for (const note of this.#box.querySelectorAll(":scope > p")) note.remove();
    for (let i = 0; i < drop; i++) this.#box.firstElementChild?.remove();
    const part = document.createDocumentFragment();
    for (const line of fresh) part.append(this.#line(line));
    this.#box.append(part);
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #scrolled() {
    const box = this.#box;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    if (!atEnd && this.#following && !this.#waiting) this.#follow(false);
    if (box.scrollTop < 40 && this.#window.hiddenBefore) {
      const height = box.scrollHeight;
      const [older, drop] = this.#window.retreat();
      for (let i = 0; i < drop; i++) box.lastElementChild.remove();
      box.prepend(...older.map((line) => this.#line(line)));
      box.scrollTop += box.scrollHeight - height;
    } else if (atEnd && this.#window.hiddenAfter) {
      const [fresh, drop] = this.#window.advance(1000);
      for (let i = 0; i < drop; i++) box.firstElementChild.remove();
      box.append(...fresh.map((line) => this.#line(line)));
    } else if (atEnd && !this.#ended) {
      this.#follow(true, false);
    }
  }

  #follow(on, jump = true) {
    this.#following = on;
    this.querySelector("[data-follow]").setAttribute("aria-pressed", String(on));
    if (!on || !jump) return;
    this.#draw();
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  #find(event) {
    event.preventDefault();
    const text = this.querySelector("[data-find]").value.trim();
    if (!text) return;
    this.#found = this.#window.find(text, this.#found);
    if (this.#found < 0) {
      this.#say(`no line holds “${text}”`);
      return;
    }
    this.#follow(false);
    const lines = this.#window.centre(this.#found);
    this.#box.replaceChildren(...lines.map((line) => this.#line(line)));
    const hit = this.#box.children[this.#found - this.#window.from];
    hit.classList.add("hit");
    this.#box.scrollTop = hit.offsetTop - this.#box.offsetTop - this.#box.clientHeight / 2;
    this.#say(`line ${this.#window.lines[this.#found].number}`);
  }

  #say(text) {
    const status = this.querySelector("[data-status]");
    status.textContent = text;
  }

  #tell(status) {
    const shown = this.#ended && status.state !== "offline" ? { state: "ended" } : status;
    this.querySelector("[data-follow]").hidden = this.#ended;
    const node = this.querySelector("[data-status]");
    node.className = `fw-live fw-live--${shown.state}`;
    node.textContent = statusWords(shown);
  }
});
