// <time datetime="…" data-ago="past">12 min ago</time> keeps counting; data-ago="for" says "12 min" only.
// Exposes window.genba.now() (server clock), genba.duration(seconds) and genba.clock(ms) for other scripts.
(() => {
  const root = document.documentElement;
  const words = root.dataset;
  const genba = (window.genba ??= {});

  // A tablet's clock may be minutes off: count against the server's. A page from the back/forward cache carries
  // an old stamp, so there its own clock is the better guess.
  const navigation = performance.getEntriesByType("navigation")[0];
  let offset = words.now && navigation?.type !== "back_forward" ? Date.parse(words.now) - Date.now() : 0;

  genba.now = () => Date.now() + offset;
  genba.setServerTime = (iso) => {
    const at = Date.parse(iso);
    if (!Number.isNaN(at)) offset = at - Date.now();
  };

  const fill = (pattern, values) => (pattern ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

  // The same steps as a person would say: "just now", "12 min", "1 h 05", "3 d 4 h"
  genba.duration = (seconds) => {
    const minutes = Math.floor(Math.max(0, seconds) / 60);
    if (minutes < 1) return null;
    if (minutes < 60) return fill(words.agoMin, { m: minutes });
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return fill(words.agoHour, { h: hours, mm: String(minutes % 60).padStart(2, "0") });
    return fill(words.agoDay, { d: Math.floor(hours / 24), h: hours % 24 });
  };

  genba.ago = (ms) => {
    const spent = genba.duration((genba.now() - ms) / 1000);
    return spent === null ? words.agoNow : fill(words.agoPast, { t: spent });
  };

  genba.fill = fill;
  genba.timeFormat = (options) => {
    const zone = words.timeZone ? { timeZone: words.timeZone } : {};
    return new Intl.DateTimeFormat(root.lang, { hourCycle: "h23", ...options, ...zone });
  };
  const clock = genba.timeFormat({ hour: "2-digit", minute: "2-digit" });
  genba.clock = (ms) => clock.format(ms);

  function tick(scope = document) {
    for (const element of scope.querySelectorAll("time[data-ago]")) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      const text =
        element.dataset.ago === "for"
          ? (genba.duration((genba.now() - at) / 1000) ?? fill(words.agoMin, { m: 0 }))
          : genba.ago(at);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  tick();
  setInterval(tick, 5000);
  // Before the next paint: what came new from the server counts from the first look
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap"])
    document.addEventListener(name, (event) => tick(event.target.parentNode ?? document));
})();
