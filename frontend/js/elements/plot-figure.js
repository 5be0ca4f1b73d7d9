/* <plot-figure data-height data-label> with a JSON block: draws when it comes into view, again when the theme changes.
   Around it (.fw-fig): a table with the same numbers, and buttons that save PNG, SVG and CSV. */
import { setting, toast } from "../lib/dom.js";
import { csv, layoutOf, paint } from "../lib/figure.js";

let library = null;

const plotly = () => {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = setting("plotly");
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      library = null;
      reject(new Error("The chart library could not be loaded."));
    };
    document.head.append(script);
  });
  return library;
};

const styles = () => getComputedStyle(document.documentElement);

const save = (name, content, type) => {
  const link = document.createElement("a");
  link.href = content instanceof Blob || !type ? (content instanceof Blob ? URL.createObjectURL(content) : content) : URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) {
    seen.unobserve(entry.target);
    entry.target.draw();
  }
}, { rootMargin: "300px" });

customElements.define("plot-figure", class extends HTMLElement {
  #box = null;
  #figure = null;
  #width = 0;
  #resized = new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (this.#drawn && width && width !== this.#width) {
      this.#width = width;
      requestAnimationFrame(() => globalThis.Plotly.Plots.resize(this.#box));
    }
  });
  #drawn = false;

  connectedCallback() {
    this.#figure ??= JSON.parse(this.querySelector('script[type="application/json"]').textContent);
    this.style.height = `${this.#height}px`;
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", this.dataset.label ?? "");
    if (!this.#box) {
      const skeleton = document.createElement("span");
      skeleton.className = "fw-skel fw-late";
      this.append(skeleton);
    }
    this.closest(".fw-fig")?.addEventListener("click", this);
    document.addEventListener("fw:theme", this);
    seen.observe(this);
  }

  disconnectedCallback() {
    document.removeEventListener("fw:theme", this);
    this.#resized.disconnect();
    seen.unobserve(this);
    if (this.#drawn) globalThis.Plotly.purge(this.#box);
    this.#drawn = false;
    this.#box?.remove();
    this.#box = null;
  }

  handleEvent(event) {
    if (event.type === "fw:theme") {
      if (this.#drawn) this.draw();
      return;
    }
    if (event.target.closest("[data-twin]")) this.toggleTable();
    const kind = event.target.closest("[data-save]")?.dataset.save;
    if (kind) this.export(kind);
  }

  get #height() {
    const small = innerWidth < 768 ? this.#figure.small?.height : null;
    return small ?? this.#figure.layout?.height ?? (Number(this.dataset.height) || 280);
  }

  /** Replace the data, e.g. with live points, and draw. */
  set figure(figure) {
    this.#figure = figure;
    if (this.#drawn) this.draw();
  }
  get figure() { return this.#figure; }

  async draw() {
    try {
      const Plotly = await plotly();
      if (!this.isConnected) return;
      const token = (name) => styles().getPropertyValue(`--${name}`).trim();
      const layout = layoutOf(this.#figure.layout, innerWidth < 768 ? this.#figure.small : null);
      layout.height = this.#height;
      this.style.height = `${layout.height}px`;
      let fresh = false;
      if (!this.#box) {
        this.#box = document.createElement("div");
        this.querySelector(".fw-skel")?.remove();
        this.append(this.#box);
        fresh = true;
      }
      await Plotly.react(this.#box, paint(structuredClone(this.#figure.data), token), paint(layout, token), { displayModeBar: false, responsive: false, showTips: false });
      if (fresh) this.#link();
      this.#drawn = true;
      this.#width = Math.round(this.getBoundingClientRect().width);
      this.#resized.observe(this);
      this.dispatchEvent(new CustomEvent("fw:drawn", { bubbles: true }));
    } catch (problem) {
      this.querySelector(".fw-skel")?.remove();
      const words = document.createElement("p");
      words.className = "fw-inbox__none";
      words.textContent = `${problem.message} The numbers are in the table.`;
      this.replaceChildren(this.querySelector("script"), words);
      this.style.height = "auto";
      this.removeAttribute("role");
      console.error(problem);
    }
  }

  /** A point whose `customdata` is an address opens it, and marks the row of a table that opens the same. */
  #link() {
    const address = ({ points }) => (String(points[0]?.customdata ?? "").startsWith("/") ? points[0].customdata : "");
    const row = (event) => address(event) && document.querySelector(`tr[data-href="${CSS.escape(address(event))}"]`);
    this.#box.on("plotly_click", (event) => address(event) && location.assign(address(event)));
    this.#box.on("plotly_hover", (event) => row(event)?.classList.add("is-linked"));
    this.#box.on("plotly_unhover", (event) => row(event)?.classList.remove("is-linked"));
  }

  toggleTable() {
    const card = this.closest(".fw-fig");
    if (!card.querySelector(".fw-fig__data")) return;
    const on = card.classList.toggle("is-table");
    card.querySelector("[data-twin]")?.setAttribute("aria-pressed", String(on));
    if (on) card.querySelector(".fw-fig__data").focus();
  }

  async export(kind) {
    const card = this.closest(".fw-fig");
    const name = (card.querySelector("h2")?.textContent ?? "chart").trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
    card.querySelector("details[open]")?.removeAttribute("open");
    if (kind === "csv") {
      const rows = [...card.querySelectorAll(".fw-fig__data tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
      save(`${name}.csv`, csv(rows), "text/csv");
      return;
    }
    try {
      const Plotly = await plotly();
      const ground = styles().getPropertyValue("--surface").trim();
      const layout = { ...this.#box.layout, paper_bgcolor: ground };
      const picture = await Plotly.toImage({ data: this.#box.data, layout }, { format: kind, width: this.clientWidth, height: this.clientHeight, scale: kind === "png" ? 2 : 1 });
      save(`${name}.${kind}`, await (await fetch(picture)).blob());
    } catch {
      toast("The chart could not be saved. The numbers can be: choose CSV.", "bad");
    }
  }
});
