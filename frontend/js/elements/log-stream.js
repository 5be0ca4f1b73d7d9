/* <log-stream data-topic data-after data-state data-page>: the newest lines of a job's log, as they come.
   Lines that the server drew inside (.fw-log > div[data-line]) are kept. What is looked for in a log is asked of the
   server, at `data-page`. The log itself is quiet for screen readers; the status line speaks. */
import { el } from "../lib/dom.js";
import { num, statusWords } from "../lib/format.js";
import { spans } from "../lib/ansi.js";
import { LineWindow, lineTone } from "../lib/lines.js";
import { live } from "../lib/live.js";

const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]);

customElements.define("log-stream", class extends HTMLElement {
  #window = new LineWindow();
  #following = true;
  #waiting = false;
  #attempt = 0;
  #number = 0;
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
    const status = el("span", { class: "fw-live fw-live--ended", role: "status", "data-status": true }, "connecting");
    const follow = el("button", { class: "btn btn-sm btn-quiet", type: "button", "aria-pressed": "true", "data-follow": true, onclick: () => this.#follow(!this.#following) }, "Follow");
    this.prepend(el("div", { class: "fw-logbar" }, status, follow));
    this.#adopt(this.#box);
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  #adopt(box) {
    for (const node of box.querySelectorAll("[data-line]")) {
      this.#window.push({ number: Number(node.dataset.line), node });
    }
    this.#number = this.#window.lines.at(-1)?.number ?? 0;
    this.#window.advance();
    box.scrollTop = box.scrollHeight;
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
      } else if (row.kind === "gap") {
        this.#number = row.data.to;
        this.#note(`Lines ${num(row.data.from)} to ${num(row.data.to)} came faster than they could be shown. `, el("a", { href: `${this.dataset.page}?from=${row.data.from}#h-log` }, "Show them"));
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

  #note(...parts) { this.#window.push({ number: "", node: el("div", { class: "s" }, el("i"), el("i"), el("span", {}, ...parts)) }); }

  #line(line) {
    line.node ??= el("div", { class: line.tone || null }, el("i", {}, String(line.number)), el("i", {}, `${line.at.toFixed(1)} s`),
      el("span", {}, ...spans(line.text).map((span) => (span.look ? el("b", { class: `fw-ansi ${span.look}` }, span.text) : span.text))));
    return line.node;
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
    } else if (atEnd && this.#window.hiddenAfter && !this.#following) {
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

  #tell(status) {
    const shown = this.#ended && status.state !== "offline" ? { state: "ended" } : status;
    this.querySelector("[data-follow]").hidden = this.#ended;
    const node = this.querySelector("[data-status]");
    node.className = `fw-live fw-live--${shown.state}`;
    node.textContent = statusWords(shown);
  }
});
