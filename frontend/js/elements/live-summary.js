/* <live-summary data-url>: keeps the counts of running jobs and unread notices in the top bar true. */
const EVERY_MS = 15000;
const KEPT = "fairway-summary";

customElements.define("live-summary", class extends HTMLElement {
  #timer = null;
  connectedCallback() {
    if (!this.dataset.url) return;
    // The last known counts stand until the server has answered, so that nothing flickers from page to page.
    const last = sessionStorage.getItem(KEPT);
    if (last) this.show(JSON.parse(last));
    this.ask();
    this.#timer = setInterval(() => document.hidden || this.ask(), EVERY_MS);
    document.addEventListener("visibilitychange", this);
    document.body.addEventListener("fw:job-ended", this);
  }
  disconnectedCallback() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this);
  }
  handleEvent() { if (!document.hidden) this.ask(); }
  async ask() {
    try {
      const answer = await fetch(this.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const counts = await answer.json();
      sessionStorage.setItem(KEPT, JSON.stringify(counts));
      this.show(counts);
    } catch {
      /* The next turn asks again; the page itself says when it is offline. */
    }
  }
  show({ running_jobs: running = 0, unread_notices: unread = 0 }) {
    const jobs = document.querySelector("[data-running]");
    if (jobs) {
      jobs.querySelector("[data-count]").textContent = running;
      jobs.querySelector("svg").classList.toggle("fw-spin", running > 0);
    }
    const notices = document.querySelector("[data-notices]");
    if (notices) {
      const dot = notices.querySelector("[data-count]");
      dot.textContent = unread;
      dot.hidden = !unread;
      notices.setAttribute("aria-label", `Notices, ${unread} unread`);
    }
  }
});
