// Entering measured values: Enter goes on, the verdict shows while typing. The server decides; this is a hint.
(() => {
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;
  const form = () => document.querySelector("[data-check-form]");

  function verdict(input) {
    const text = input.value.trim();
    const cell = document.querySelector(`[data-verdict-for="${CSS.escape(input.id)}"]`);
    if (!cell) return;
    const words = form().dataset;
    const { lower, upper } = input.dataset;
    let [kind, word] = ["", ""];
    if (text && !NUMBER.test(text)) [kind, word] = ["fail", words.noNumber];
    else if (text && (lower ?? upper) !== undefined) {
      const value = Number(text);
      const inside = !(value < Number(lower ?? -Infinity)) && !(value > Number(upper ?? Infinity));
      [kind, word] = inside ? ["pass", words.inside] : ["fail", words.outside];
    }
    cell.dataset.verdict = kind;
    cell.replaceChildren(...(word ? [genba.icon(kind === "pass" ? "check" : "triangle-alert"), ` ${word}`] : []));
  }

  const fields = () => [...form().querySelectorAll("input:not([type=hidden]), select")];

  document.addEventListener("input", (event) => event.target.matches("[data-value]") && verdict(event.target));

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !form()?.contains(event.target)) return;
    const inputs = fields();
    const at = inputs.indexOf(event.target);
    const values = inputs.filter((input) => input.matches("[data-value]"));
    if (at < 0 || event.target === values.at(-1) || at === inputs.length - 1) return; // the last one sends the form
    event.preventDefault();
    // From the piece straight to the values: place and test stay what they were
    const next = event.target.name === "piece" ? values[0] : inputs[at + 1];
    next.focus();
    next.select?.();
  });

  // Ready for the next piece, or for the field that was refused
  function start() {
    if (!form()) return;
    const wrong = form().querySelector('[aria-invalid="true"]');
    const piece = form().querySelector("[name=piece]");
    const target = wrong ?? (piece.value ? form().querySelector("[data-value]") : piece);
    target?.focus();
    target?.select?.();
  }
  start();
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "check" && start());
})();
