/* <confirm-dialog> around a <dialog>: the button waits for the typed word; the content of the form is kept on close. */
customElements.define("confirm-dialog", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", () => this.check());
    this.addEventListener("fw:open", () => {
      this.check();
      this.querySelector("textarea, input:not([type=hidden])")?.focus();
    });
    if (this.querySelector("dialog")?.dataset.openNow !== undefined) this.querySelector("dialog").showModal();
  }
  check() {
    const field = this.querySelector("[data-typed]");
    const button = this.querySelector(".fw-dialog__foot button:not([data-close])");
    if (field && button) button.disabled = field.value.trim() !== field.dataset.typed;
  }
});
