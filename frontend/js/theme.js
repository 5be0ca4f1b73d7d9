/* Loaded before the first paint: "auto" follows the system, everything else is set by the server. */
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    if (root.dataset.themeChoice !== "auto") return;
    root.dataset.bsTheme = system.matches ? "dark" : "light";
    document.dispatchEvent(new CustomEvent("fw:theme"));
  };
  system.addEventListener("change", follow);
  follow();
})();
