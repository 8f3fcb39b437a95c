// Live parts are morphed (idiomorph), and what is the reader's stays as it is: opened, typed, chosen, being sent.
// The rules for every page stand here; how to mark things up for them: docs/design/components.md, "Live data".
(() => {
  const genba = (window.genba ??= {});
  let refreshing = true; // false while the answer to a person's own act is put in: there the server has the last word

  // What nobody asked for just now: it comes by a message of the socket, by a timer, or as the page loads
  genba.isRefresh = (config) =>
    (config?.verb ?? "get") === "get" && (config?.triggeringEvent?.type ?? "genba:").startsWith("genba:");

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    refreshing = genba.isRefresh(detail.requestConfig);
  });

  function isTouched(field) {
    if (field.matches("input[type=checkbox], input[type=radio]")) return field.checked !== field.defaultChecked;
    if (field.matches("input, textarea")) return field.value !== field.defaultValue;
    if (!field.matches("select")) return false;
    const options = [...field.options];
    return field.value !== (options.findLast((option) => option.defaultSelected) ?? options[0])?.value;
  }

  // The same form, now of another job: what was typed belonged to the former
  const isForAnother = (form, fresh) => form.getAttribute("action") !== fresh.getAttribute("action");

  // Its content comes by a fetch of its own or from a script; only its address may change
  function keepContent(node, fresh) {
    for (const { name, value } of fresh.attributes)
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    return false;
  }

  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.matches("details, dialog")),
    beforeNodeMorphed(node, fresh) {
      if (node.nodeType !== Node.ELEMENT_NODE) return true;
      if (node.hasAttribute("data-own-content")) return keepContent(node, fresh);
      if (node.matches("form") && isForAnother(node, fresh)) node.reset();
      return !(refreshing && isTouched(node)) && !genba.isBeingSent(node);
    },
    beforeNodeRemoved: (node) => !(refreshing && node.matches?.("[data-stays]")),
  });

  // A closed <details hx-get> fetches nothing; it does so when it opens, and while it is open with every message
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.matches("details:not([open])")) event.preventDefault();
  });
})();
