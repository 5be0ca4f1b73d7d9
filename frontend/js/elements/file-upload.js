/* <file-upload data-create data-purpose data-field>: sends the chosen file in parts with progress, then fills the
   hidden field with the upload's id. The form waits for it; a reload of the page goes on where it stopped. */
import { csrf, el } from "../lib/dom.js";
import { bytes, duration } from "../lib/format.js";
import { faultOf, upload } from "../lib/upload.js";

customElements.define("file-upload", class extends HTMLElement {
  #file = null;
  #abort = null;
  #resume = null;
  #paused = null;
  #busy = null;
  #began = 0;

  connectedCallback() {
    this.#input.addEventListener("change", () => this.#choose(this.#input.files[0]));
    for (const name of ["dragover", "dragleave", "drop"]) this.#drop.addEventListener(name, () => this.#drop.classList.toggle("is-over", name === "dragover"));
    this.querySelector("[data-pause]").addEventListener("click", () => this.#pause());
    this.querySelector("[data-cancel]").addEventListener("click", () => this.#cancel());
    this.#form?.addEventListener("submit", (event) => this.#submit(event));
    addEventListener("beforeunload", this);
  }
  disconnectedCallback() { removeEventListener("beforeunload", this); }
  handleEvent(event) { if (this.#abort) event.preventDefault(); }

  get #input() { return this.querySelector('input[type="file"]'); }
  get #drop() { return this.querySelector(".fw-drop"); }
  get #form() { return this.closest("form"); }
  get #hidden() { return this.querySelector(`input[type="hidden"][name="${this.dataset.field}"]`); }
  get #key() { return `fairway-upload:${this.dataset.create}:${this.#file.name}:${this.#file.size}:${this.#file.lastModified}`; }

  #choose(file) {
    if (!file) return;
    this.#abort?.abort();
    this.#file = file;
    this.#hidden.value = "";
    this.querySelector("[data-name]").textContent = `${file.name}, ${bytes(file.size)}`;
    const most = Number(this.dataset.max);
    if (!file.size) return this.#fail("The file is empty. Nothing was sent.");
    if (most && file.size > most) return this.#fail(`The file has ${bytes(file.size)}; at most ${bytes(most)} are accepted. Nothing was sent.`);
    this.#fail("");
    this.#busy = this.#send();
  }

  async #send() {
    this.#abort = new AbortController();
    this.#began = performance.now();
    this.querySelector("[data-progress]").hidden = this.querySelector("[data-controls]").hidden = false;
    try {
      const done = await upload({
        createUrl: this.dataset.create, file: this.#file, purpose: this.dataset.purpose ?? "", headers: { "X-CSRFToken": csrf() },
        signal: this.#abort.signal, known: sessionStorage.getItem(this.#key), pause: () => this.#paused,
        remember: (url) => (url ? sessionStorage.setItem(this.#key, url) : sessionStorage.removeItem(this.#key)),
        progress: (received, size) => this.#show(received, size),
      });
      // The file travels by its id, not a second time with the form.
      this.#input.removeAttribute("name");
      this.#hidden.value = done.id;
      this.#say(`${bytes(this.#file.size)} received`);
      this.dispatchEvent(new CustomEvent("fw:uploaded", { detail: done, bubbles: true }));
      if (done.redirect) location.assign(done.redirect);
      return true;
    } catch (problem) {
      if (problem.name !== "AbortError") this.#fail(problem instanceof TypeError ? "The connection was lost. Choose the file again to go on where it stopped." : problem.message, faultOf(problem));
      return false;
    } finally {
      this.#abort = null;
      this.querySelector("[data-controls]").hidden = true;
    }
  }

  async #submit(event) {
    if (!this.#file || this.#hidden.value) return;
    event.preventDefault();
    const { submitter } = event;
    if (await this.#busy) this.#form.requestSubmit(submitter);
  }

  #show(received, size) {
    this.querySelector("progress").value = received / size;
    const seconds = (performance.now() - this.#began) / 1000;
    const left = received && seconds > 2 ? `, about ${duration((seconds * (size - received)) / received)} left` : "";
    this.#say(`${bytes(received)} of ${bytes(size)}${left}`);
  }

  #say(text) { this.querySelector("[data-text]").textContent = text; }

  /** Say what was wrong, in which line and column, and show the lines around it. */
  #fail(text, fault = null) {
    const node = this.querySelector("[data-error]");
    node.textContent = text;
    node.hidden = !text;
    const place = this.querySelector("[data-place]");
    place.replaceChildren(...(fault?.place ? [el("p", { class: "fw-help fw-num" }, fault.place)] : []));
    if (fault?.lines.length) {
      place.append(el("div", { class: "fw-err-lines", tabindex: "0", role: "region", "aria-label": "Lines around the error" },
        ...fault.lines.map((line) => el("div", { class: line.bad ? "bad" : null }, el("i", {}, String(line.number)), line.text))));
    }
    if (text) {
      this.#input.setAttribute("aria-invalid", "true");
      this.querySelector("[data-progress]").hidden = true;
    } else this.#input.removeAttribute("aria-invalid");
  }

  #pause() {
    const button = this.querySelector("[data-pause]");
    if (this.#paused) {
      this.#resume();
      this.#paused = null;
      button.textContent = "Pause";
    } else {
      this.#paused = new Promise((done) => { this.#resume = done; });
      button.textContent = "Go on";
    }
  }

  async #cancel() {
    const url = sessionStorage.getItem(this.#key);
    this.#abort?.abort();
    sessionStorage.removeItem(this.#key);
    if (url) await fetch(url, { method: "DELETE", headers: { "X-CSRFToken": csrf() } }).catch(() => null);
    this.#input.value = "";
    this.#file = null;
    this.querySelector("[data-progress]").hidden = true;
    this.querySelector("[data-name]").textContent = "Drop a file here, or choose one";
  }
});
