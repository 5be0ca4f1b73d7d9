/* Menus are <details>: they close on Esc, on a click outside and when another opens; focus goes back. */
const open = () => document.querySelectorAll("details.fw-menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.fw-menu") || !event.target.open) return;
  for (const menu of open()) if (menu !== event.target && !menu.contains(event.target)) menu.open = false;
}, true);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.fw-menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const items = [...menu.querySelectorAll(".fw-menu__list :is(a, button, input:not([type=hidden]))")];
    if (event.target.matches("input[type=search], input[type=date]") || !items.length) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    items[(at + items.length) % items.length].focus();
  }
});

// A long list of columns is narrowed while typing.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-narrow]")) return;
  const wanted = event.target.value.toLowerCase();
  for (const label of event.target.closest("form").querySelectorAll(".fw-check")) {
    label.hidden = !label.textContent.toLowerCase().includes(wanted);
  }
});
