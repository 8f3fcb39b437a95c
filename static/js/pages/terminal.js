// Terminal: on-screen keypad, scanner, undo. Everything here also works with a plain keyboard.
(() => {
  // --- Keypad: types into the count that was touched last -----------------------------------------------
  const counts = () => [...document.querySelectorAll(".report-count input")];
  let activeName = null;

  function active() {
    const inputs = counts();
    return inputs.find((input) => input.name === activeName) ?? inputs[0];
  }

  function mark() {
    const current = active();
    for (const input of counts())
      input.closest(".report-count").toggleAttribute("data-active", input === current);
  }

  function setCount(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function press(key) {
    const input = active();
    if (!input) return;
    const text = input.value.replace(/\D/g, "");
    if (key === "back") setCount(input, text.slice(0, -1));
    else if (key === "clear") setCount(input, "");
    else if (key.startsWith("+")) setCount(input, String(Number(text || 0) + Number(key.slice(1))));
    else if (key.startsWith("=")) setCount(input, key.slice(1));
    else if (text.length < 6) setCount(input, String(Number(text + key)));
  }

  document.addEventListener("focusin", (event) => {
    if (!event.target.matches(".report-count input")) return;
    activeName = event.target.name;
    event.target.select();
    mark();
  });

  document.addEventListener("click", (event) => {
    const box = event.target.closest(".report-count");
    if (box) box.querySelector("input").focus();
    const key = event.target.closest("[data-key]");
    if (key) press(key.dataset.key);
  });

  // --- Scrap needs its reason: shown as soon as there is scrap ---------------------------------------------
  function showReasons() {
    const rejected = counts().some((input) => "rejects" in input.dataset && Number(input.value) > 0);
    for (const part of document.querySelectorAll("[data-when-rejects]")) {
      part.hidden = !rejected;
      for (const field of part.querySelectorAll("input, select")) field.disabled = !rejected;
    }
  }

  // --- The button says what it will do: data-label="Report {good} good, {scrap} scrap" ------------------------
  function sayReport() {
    const label = document.querySelector("[data-report-label]");
    if (!label) return;
    const values = Object.fromEntries(counts().map((input) => [input.name, Number(input.value) || 0]));
    const rejected = counts().some((input) => "rejects" in input.dataset && Number(input.value) > 0);
    label.textContent = genba.fill(rejected ? label.dataset.labelRejects : label.dataset.label, values);
  }
  document.addEventListener("input", sayReport);
  document.addEventListener("input", showReasons);

  // --- Scanner: a burst of keys with Enter at its end. A code on a button presses it; others go to the search --
  const BURST_MS = 45;
  let buffer = "";
  let lastKey = 0;
  let before = null; // what the focused field held: the scanner types into it, and that is taken back

  function scanned(code) {
    const button = document.querySelector(`[data-code="${CSS.escape(code)}"]`);
    if (button) {
      if (button.matches("input")) button.click();
      else if (!button.disabled) button.click();
      return;
    }
    const search = document.querySelector("input[data-scan]");
    if (!search) return;
    search.value = code;
    search.form.requestSubmit();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const now = performance.now();
      const burst = now - lastKey < BURST_MS;
      lastKey = now;
      if (event.key === "Enter") {
        const code = buffer;
        buffer = "";
        if (!burst || code.length < 4) return;
        event.preventDefault();
        event.stopPropagation();
        if (before) before.field.value = before.value;
        scanned(code.toUpperCase());
        return;
      }
      if (event.key.length !== 1 || event.ctrlKey || event.altKey || event.metaKey) return;
      if (!burst) {
        buffer = "";
        const field = document.activeElement?.matches("input, textarea") ? document.activeElement : null;
        before = field && { field, value: field.value };
      }
      buffer += event.key;
    },
    true,
  );

  // --- Undo for ten seconds: HX-Trigger: {"genba:undo": {"text": "…", "label": "Undo", "url": "…"}} --------------
  document.addEventListener("genba:undo", (event) => {
    const { text, label, url, target = "#terminal" } = event.detail;
    genba.toast({
      level: "success",
      text,
      seconds: 10,
      action: { label, run: () => htmx.ajax("POST", url, { target, swap: "morph:innerHTML" }) },
    });
  });

  function refresh() {
    mark();
    showReasons();
    sayReport();
  }
  refresh();
  document.addEventListener("htmx:afterSettle", refresh);
})();
