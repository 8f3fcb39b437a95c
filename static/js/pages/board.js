// Wall screen: full screen, awake, and more than twelve lines in turns. Stopped lines come first, on page one.
// A board that somebody sits at scrolls instead.
(() => {
  const PER_PAGE = 12;
  const TURN_MS = 15_000;
  const WIDE = matchMedia("(min-width: 90rem) and (min-height: 50rem)");
  let page = 0;

  const board = () => document.querySelector(".board");

  function show() {
    const tiles = [...(board()?.children ?? [])];
    const turns = WIDE.matches && (document.body.matches(".board-wall") || document.fullscreenElement);
    const pages = turns ? Math.max(1, Math.ceil(tiles.length / PER_PAGE)) : 1;
    page %= pages;
    tiles.forEach((tile, index) => {
      tile.hidden = pages > 1 && Math.floor(index / PER_PAGE) !== page;
    });
    const dots = document.querySelector(".board-rotation");
    if (!dots) return;
    dots.hidden = pages < 2;
    dots.replaceChildren(
      ...Array.from({ length: pages }, (_, index) => {
        const dot = document.createElement("i");
        dot.toggleAttribute("data-current", index === page);
        return dot;
      }),
    );
  }

  function turn() {
    page += 1;
    show();
  }

  show();
  setInterval(turn, TURN_MS);
  WIDE.addEventListener("change", show);
  document.addEventListener("fullscreenchange", show);
  document.addEventListener("htmx:afterSwap", show); // before the next paint: a refreshed tile forgets that it is hidden

  function tell() {
    const clock = document.querySelector(".board-clock");
    if (clock) clock.textContent = genba.clock(genba.now());
  }
  tell();
  setInterval(tell, 1_000);

  // A screen that sleeps shows nothing. The lock ends whenever the page is hidden, so it is asked for again.
  async function stayAwake() {
    try {
      await navigator.wakeLock?.request("screen");
    } catch {
      // low battery or not allowed: the screen follows the panel's own setting
    }
  }
  stayAwake();
  document.addEventListener("visibilitychange", () => document.hidden || stayAwake());

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-fullscreen]")) document.documentElement.requestFullscreen();
  });
})();
