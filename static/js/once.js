// One press, one act: the submit button is off until the answer is there, and shows progress after 300 ms.
(() => {
  const timers = new WeakMap();

  function submitters(form) {
    return form.matches("form")
      ? [...form.querySelectorAll("button:not([type=button]), input[type=submit]")]
      : [form];
  }

  function busy(element) {
    for (const button of submitters(element)) {
      if (button.disabled) continue;
      button.disabled = true;
      button.dataset.once = "";
      timers.set(
        button,
        setTimeout(() => button.classList.add("is-busy"), 300),
      );
    }
  }

  function ready(scope) {
    const buttons = scope.matches?.("[data-once]") ? [scope] : scope.querySelectorAll("[data-once]");
    for (const button of buttons) {
      clearTimeout(timers.get(button));
      button.classList.remove("is-busy");
      delete button.dataset.once;
      button.disabled = false;
    }
  }

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
  document.addEventListener("htmx:afterRequest", (event) => ready(event.detail.elt));
  window.addEventListener("pageshow", (event) => event.persisted && ready(document)); // back button: usable again
})();
