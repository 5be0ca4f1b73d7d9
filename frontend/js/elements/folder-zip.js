/* <folder-zip data-for data-max>: packs a chosen folder into a zip and puts it into the file field of that id. */
import { bytes as sized } from "../lib/format.js";
import { isMade, zip } from "../lib/zip.js";

customElements.define("folder-zip", class extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.#button.addEventListener("click", () => this.#input.click());
    this.#input.addEventListener("change", () => this.#pack([...this.#input.files]));
  }

  get #button() { return this.querySelector("button"); }
  get #input() { return this.querySelector("input"); }
  get #field() { return document.getElementById(this.dataset.for); }

  async #pack(chosen) {
    const files = chosen.filter((file) => !isMade(file.webkitRelativePath));
    const total = files.reduce((sum, file) => sum + file.size, 0), most = Number(this.dataset.max);
    if (!files.length) return this.#say("The folder holds no file. Nothing was packed.");
    if (total > most) return this.#say(`The folder has ${sized(total)}; at most ${sized(most)} are accepted. Nothing was packed.`);
    this.#say(`Packing ${files.length} files`);
    try {
      const read = await Promise.all(files.map(async (file) => ({ path: file.webkitRelativePath, bytes: new Uint8Array(await file.arrayBuffer()) })));
      const name = files[0].webkitRelativePath.split("/")[0];
      const held = new DataTransfer();
      held.items.add(new File(zip(read), `${name}.zip`, { type: "application/zip" }));
      this.#field.files = held.files;
      this.#say(`${name}.zip holds ${files.length} files, ${sized(total)}`);
    } catch {
      this.#say("The folder could not be read. Nothing was packed.");
    }
  }
  #say(text) { this.querySelector("[data-said]").textContent = text; }
});
