// A list that is worked by keyboard: arrows move from row to row, Enter opens, also from the search field.
(() => {
  const links = () => [...document.querySelectorAll("table[data-rows] tbody tr a[href]:first-of-type")].filter(
    (link) => link.closest("td, th")?.cellIndex === 0,
  );
  const STEPS = { ArrowDown: 1, ArrowUp: -1 };

  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog:modal")) return;
    const search = event.target.matches?.("input[data-search]");
    if (!search && event.target.closest?.("input, select, textarea, summary, [contenteditable]")) return;
    const rows = links();
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    event.preventDefault();
    if (at === 0 && step === -1) document.querySelector("input[data-search]")?.focus();
    else rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
  });
})();
