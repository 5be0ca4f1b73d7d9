/* <copy-button data-text="...">: copies and says so for two seconds. */
import { icon } from "../lib/dom.js";

customElements.define("copy-button", class extends HTMLElement {
  connectedCallback() { this.addEventListener("click", this); }
  async handleEvent(event) {
    const button = event.target.closest("button");
    if (!button) return;
    event.stopPropagation();
    const before = button.getAttribute("aria-label");
    try {
      await navigator.clipboard.writeText(this.dataset.text);
    } catch {
      if (!this.#byHand()) return;
    }
    this.dataset.done = "";
    button.setAttribute("aria-label", "Copied");
    button.replaceChildren(icon("check"));
    setTimeout(() => {
      delete this.dataset.done;
      button.setAttribute("aria-label", before);
      button.replaceChildren(icon("copy"));
    }, 2000);
  }
  /* Without a secure address there is no clipboard to write to, only a selection to copy. */
  #byHand() {
    const field = document.createElement("textarea");
    field.value = this.dataset.text;
    field.className = "fw-sr";
    this.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
});
