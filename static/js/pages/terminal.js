// Terminal: on-screen keypad, scanner, undo. Everything here also works with a plain keyboard.
(() => {
  // --- Counts: the keypad and stray digits go to the one touched last -----------------------------------------
  const counts = () => [...document.querySelectorAll(".report-count input")];
  const dialogIsOpen = () => Boolean(document.querySelector("dialog[open]"));
  const amount = (input) => Number(input.value.replace(",", ".")) || 0;
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
    const text = input.value.replace(/[^\d.]/g, "");
    if (key === "back") setCount(input, text.slice(0, -1));
    else if (key === "clear") setCount(input, "");
    else if (key.startsWith("+")) setCount(input, String(Number(text || 0) + Number(key.slice(1))));
    else if (key.startsWith("=")) setCount(input, key.slice(1));
    else if (key === "." && !text.includes(".")) setCount(input, `${text || 0}.`);
    else if (key !== "." && text.length < 8) setCount(input, text === "0" ? key : text + key);
  }

  document.addEventListener("focusin", (event) => {
    if (!event.target.matches(".report-count input")) return;
    activeName = event.target.name;
    event.target.select();
    mark();
  });

  document.addEventListener("click", (event) => {
    event.target.closest(".report-count")?.querySelector("input").focus();
    const key = event.target.closest("[data-key]");
    if (key) press(key.dataset.key);
  });

  // --- Scrap needs its reason; the button says what it will count ------------------------------------------------
  const words = new Intl.ListFormat(document.documentElement.lang, { type: "unit" });

  function tell() {
    const entered = counts().filter((input) => amount(input) > 0);
    const rejected = entered.some((input) => "rejects" in input.dataset);
    for (const part of document.querySelectorAll("[data-when-rejects]")) {
      part.hidden = !rejected;
      for (const field of part.querySelectorAll("input")) field.disabled = !rejected;
    }
    const label = document.querySelector("[data-report-label]");
    if (!label) return;
    const { label: pattern, empty } = label.dataset;
    const parts = entered.map((input) => genba.fill(label.dataset[input.name], { n: input.value }));
    label.textContent = parts.length ? genba.fill(pattern, { counts: words.format(parts) }) : empty;
    document.querySelector(".report-submit").classList.toggle("is-empty", !parts.length);
  }
  document.addEventListener("input", tell);

  // --- Scanner: a burst of keys with Enter at its end. A code on a button presses it; the server reads the rest --
  const BURST_MS = 45;
  let buffer = "";
  let lastKey = 0;
  let before = null; // what the field held that the scanner typed into: taken back
  let sending = Promise.resolve(); // scans are quick: one after the other, none lost

  function scanned(code) {
    const scope = document.querySelector("dialog[open]") ?? document;
    const button = scope.querySelector(`[data-code="${CSS.escape(code)}"]`);
    if (button) {
      if (!button.disabled) button.click();
      return;
    }
    const form = document.querySelector("input[data-scan]")?.form;
    if (!form) return;
    const values = { code, job: form.elements.job.value, client_token: newToken() };
    const url = form.getAttribute("action");
    const send = () => htmx.ajax("POST", url, { target: "#terminal", swap: "morph:innerHTML", values });
    sending = sending.then(send, send);
  }

  // crypto.randomUUID() exists only over HTTPS; many plants run plain HTTP on the floor
  function newToken() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }

  const isField = (element) => element?.matches?.("input:not([type=radio]), textarea, select");

  function remember() {
    const field = isField(document.activeElement) ? document.activeElement : active();
    before = field && { field, value: field.value };
  }

  // Keys outside any field are meant for the count; Enter sends it
  function typed(event) {
    if (isField(event.target) || dialogIsOpen()) return;
    if (/^\d$/.test(event.key)) press(event.key);
    else if (event.key === "Backspace") press("back");
    else if (event.key === "Enter" && !event.target.closest?.("a, button, summary"))
      document.getElementById("report")?.requestSubmit();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const burst = event.timeStamp - lastKey < BURST_MS; // when it was pressed, not when a busy page heard of it
      lastKey = event.timeStamp;
      if (event.key === "Enter" && burst && buffer.length >= 4) {
        event.preventDefault();
        event.stopPropagation();
        if (before) {
          before.field.value = before.value;
          tell();
        }
        scanned(buffer.toUpperCase());
        buffer = "";
        return;
      }
      if (event.key.length === 1) {
        if (!burst || !buffer) {
          buffer = "";
          remember();
        }
        buffer += event.key;
      } else if (event.key !== "Shift") {
        buffer = "";
      }
      typed(event);
    },
    true,
  );

  // --- No answer: the numbers stay, and sending them again is safe ------------------------------------------------
  const isReport = (event) => event.detail.elt.id === "report";
  const doubt = (shown) => {
    const notice = document.querySelector("[data-report-unknown]");
    if (notice) notice.hidden = !shown;
  };
  for (const name of ["htmx:sendError", "htmx:timeout"])
    document.addEventListener(name, (event) => isReport(event) && doubt(true));
  document.addEventListener("htmx:responseError", (event) => {
    if (isReport(event) && event.detail.xhr.status >= 500) doubt(true);
  });

  // --- Undo for ten seconds: HX-Trigger: {"genba:undo": {"text": "…", "label": "Undo", "url": "…"}} --------------
  document.addEventListener("genba:undo", ({ detail: { text, label, url } }) => {
    const run = () => htmx.ajax("POST", url, { target: "#terminal", swap: "morph:innerHTML" });
    genba.toast({ level: "success", text, seconds: 10, action: { label, run } });
  });

  function refresh() {
    mark();
    tell();
  }
  refresh();
  document.addEventListener("htmx:afterSwap", () => {
    refresh();
    document.querySelector(".report [data-level='error'], .terminal-refusal")?.scrollIntoView({ block: "nearest" });
  });
})();
