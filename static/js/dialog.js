// Opens <dialog id="modal"> when htmx puts something into #modal-content. Buttons: hx-target="#modal-content".
// [data-close] inside closes it; so does the server with the header HX-Trigger: genba:close-modal.
(() => {
  const modal = document.getElementById("modal");
  const content = document.getElementById("modal-content");
  if (!modal) return;
  let opener = null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === content && !modal.open) opener = event.detail.elt;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== content) return;
    if (!content.childElementCount) modal.close();
    else if (!modal.open) modal.showModal();
    const wanted = content.querySelector('[aria-invalid="true"]') ?? content.querySelector("[autofocus]");
    wanted?.focus();
    wanted?.closest(".field")?.scrollIntoView({ block: "nearest" }); // with what is said below it
  });

  function close() {
    if (modal.open) modal.close();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-close]");
    if (button) button.closest("dialog")?.close();
    // Static dialogs in the page: <button data-open="dialog-id">
    const opens = event.target.closest("[data-open]");
    if (opens) document.getElementById(opens.dataset.open)?.showModal();
  });
  document.addEventListener("genba:close-modal", close);

  modal.addEventListener("close", () => {
    content.replaceChildren(); // a typed password must not wait behind a closed dialog
    document.body.append(document.getElementById("toasts"));
    // A refresh may have replaced the button that opened the dialog: its id finds the new one
    const back = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
    if (back) back.focus();
    opener = null;
  });
})();
