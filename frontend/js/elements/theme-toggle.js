/* <theme-toggle>: one button flips light and dark; buttons with data-theme choose, "auto" follows the system. */
import { setCookie } from "../lib/dom.js";

const root = document.documentElement;

const choose = (choice) => {
  const dark = choice === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : choice === "dark";
  root.dataset.themeChoice = choice;
  root.dataset.bsTheme = dark ? "dark" : "light";
  setCookie("fairway_theme", choice);
  document.dispatchEvent(new CustomEvent("fw:theme"));
};

customElements.define("theme-toggle", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", this);
    document.addEventListener("fw:theme", this);
    this.show();
  }
  disconnectedCallback() { document.removeEventListener("fw:theme", this); }
  handleEvent(event) {
    if (event.type === "fw:theme") return this.show();
    const button = event.target.closest("button");
    if (button) choose(button.dataset.theme ?? (root.dataset.bsTheme === "dark" ? "light" : "dark"));
  }
  show() {
    for (const button of this.querySelectorAll("[data-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.theme === root.dataset.themeChoice));
    }
  }
});
