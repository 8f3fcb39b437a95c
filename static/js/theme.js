// Runs in <head> before the first paint: a pinned theme must not flash the other one.
(() => {
  const KEY = "genba-theme";
  const ORDER = ["system", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem(KEY) ?? "system";
    } catch {
      return "system"; // storage may be forbidden on a kiosk; the choice then lasts for the page
    }
  }

  function apply(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  }

  function label(button, choice) {
    button.title = button.dataset[`title${choice[0].toUpperCase()}${choice.slice(1)}`] ?? "";
  }

  let choice = stored();
  apply(choice);
  const changed = () => document.dispatchEvent(new CustomEvent("genba:theme"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-cycle]")) {
      label(button, choice);
      button.addEventListener("click", () => {
        choice = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length];
        try {
          localStorage.setItem(KEY, choice);
        } catch {
          // see stored()
        }
        apply(choice);
        label(button, choice);
        changed();
      });
    }
  });
})();
