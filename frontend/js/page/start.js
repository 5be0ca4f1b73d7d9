/* What is done once when a page opens. */
// The strip comes after its page: its own station is brought into view when it is there.
document.addEventListener("htmx:afterSwap", () => {
  const strip = document.querySelector("[data-strip]");
  const here = strip?.querySelector("[aria-current]");
  if (here) strip.scrollLeft += here.getBoundingClientRect().left - strip.getBoundingClientRect().left - 24;
});

if (history.length > 1) {
  for (const button of document.querySelectorAll("[data-back]")) {
    button.hidden = false;
    button.addEventListener("click", () => history.back());
  }
}
