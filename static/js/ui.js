// Toasts, menus, "/" to search, and what to say when a request got no good answer.
(() => {
  const genba = (window.genba ??= {});
  const region = document.getElementById("toasts");
  const words = region?.dataset ?? {};
  const spriteUrl = document.querySelector(".icon use")?.getAttribute("href")?.split("#")[0] ?? "";

  genba.icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${spriteUrl}#${name}`);
    svg.append(use);
    return svg;
  };

  // genba.toast({level, text, action?: {label, run}, seconds?}); warnings and errors stay until closed
  genba.toast = ({ level = "info", text, action, seconds }) => {
    if (!region || !text) return null;
    // Behind a modal dialog nothing can be touched, so the toasts move into it
    (document.querySelector("dialog:modal") ?? document.body).append(region);
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.level = level;
    if (level === "error") toast.setAttribute("role", "alert");
    const sentence = document.createElement("p");
    sentence.textContent = text;
    toast.append(sentence);
    const remove = () => toast.remove();
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = action.label;
      button.addEventListener("click", () => {
        remove();
        action.run();
      });
      toast.append(button);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "icon-button";
    close.setAttribute("aria-label", words.close ?? "");
    close.append(genba.icon("x"));
    close.addEventListener("click", remove);
    toast.append(close);
    for (const old of [...region.children].slice(0, -2)) old.remove();
    region.append(toast);
    const stays = level === "error" || level === "warning";
    if (seconds || !stays) setTimeout(remove, (seconds ?? 6) * 1000);
    return toast;
  };

  // Servers send a toast with the header HX-Trigger: {"genba:toast": {"level": "success", "text": "…"}}; with
  // "label" and "opens" (an address) it carries a button that opens that dialog
  document.addEventListener("genba:toast", ({ detail }) => {
    const { label, opens } = detail;
    const run = () => htmx.ajax("GET", opens, { target: "#modal-content", swap: "innerHTML" });
    genba.toast({ ...detail, action: opens && { label, run } });
  });

  // Error pages mark their one sentence; it says more than a status code does
  function sentenceOf(xhr) {
    const type = xhr.getResponseHeader("Content-Type") ?? "";
    if (type.includes("text/html")) {
      const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
      return page.querySelector("[data-error-summary]")?.textContent.trim();
    }
    if (type.includes("json")) {
      try {
        return JSON.parse(xhr.responseText).detail;
      } catch {
        return null;
      }
    }
    return null;
  }

  const BY_STATUS = {
    403: "forbidden",
    404: "gone",
    413: "tooLarge",
    500: "broken",
    502: "down",
    503: "down",
  };

  // A silent refresh of live data that fails is the banner's business (live.js); a person's own act is ours
  function isSilent({ detail: { requestConfig } }) {
    return genba.isRefresh(requestConfig) && document.documentElement.dataset.connection === "lost";
  }

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    if (isSilent(event) && xhr.status >= 500) return;
    const fallback = words[BY_STATUS[xhr.status] ?? (xhr.status >= 500 ? "broken" : "refused")];
    genba.toast({ level: "error", text: sentenceOf(xhr) || fallback });
  });

  function unreachable(event) {
    if (!isSilent(event)) genba.toast({ level: "error", text: words.unreachable });
  }
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);

  // Menus close when one looks elsewhere
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of openMenus()) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("input[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // A filter form sends itself when a choice changes
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.matches("[data-autosubmit]")) form.requestSubmit();
  });
})();
