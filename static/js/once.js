// One press, one act: the submit button is off until the answer is there, and shows progress after 300 ms.
(() => {
  const waiting = new Map(); // form or button -> what to undo when its answer is there; a swap may drop attributes

  function submitters(form) {
    return form.matches("form")
      ? [...form.querySelectorAll("button:not([type=button]), input[type=submit]")]
      : [form];
  }

  function busy(element) {
    const buttons = submitters(element).filter((button) => !button.disabled);
    for (const button of buttons) button.disabled = true;
    const timer = setTimeout(() => buttons.forEach((button) => button.classList.add("is-busy")), 300);
    waiting.set(element, { buttons, timer });
  }

  function ready(element) {
    const { buttons, timer } = waiting.get(element) ?? { buttons: [] };
    clearTimeout(timer);
    waiting.delete(element);
    for (const button of buttons) {
      button.classList.remove("is-busy");
      button.disabled = false;
    }
  }

  (window.genba ??= {}).isBeingSent = (element) => waiting.has(element);

  // A plain form leaves the page. Its button is switched off after the browser has read its value.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "dialog" || isHtmx(event.target)) return;
    setTimeout(() => busy(event.target), 0);
  });

  const isHtmx = (element) =>
    ["get", "post", "put", "patch", "delete"].some((verb) => element.hasAttribute(`hx-${verb}`));

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    if (requestConfig.verb !== "get" && elt.matches("form, button")) busy(elt);
  });
  // Before the swap, so that what the server switches off stays off
  document.addEventListener("htmx:beforeSwap", (event) => ready(event.detail.requestConfig.elt));
  document.addEventListener("htmx:afterRequest", (event) => ready(event.detail.elt));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) [...waiting.keys()].forEach(ready); // back button: usable again
  });
})();
