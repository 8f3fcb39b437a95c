// One WebSocket for the page. The server says what changed ({"event": "line", "id": "…"}); the page fetches it
// again from the view that rendered it first:
//   <div hx-get="…" hx-trigger="genba:line:<id> from:body, genba:refresh from:body" hx-swap="morph:innerHTML">
// "genba:refresh" comes after a gap, when anything may have changed. Only on pages with <body data-live>.
(() => {
  const body = document.body;
  if (!("live" in body.dataset)) return;

  const COALESCE_MS = 150;
  const SILENCE_MS = 40_000; // the server ticks every 15 s
  const BACKOFF_MS = { least: 500, most: 5_000 };
  const GRACE_MS = 2_000; // a blink shorter than this is nobody's business
  const POLL_MS = 15_000; // without the socket (Redis gone, a proxy in the way) the page still asks by itself

  const root = document.documentElement;
  const banner = document.getElementById("connection-banner");
  const text = banner.querySelector("span");
  let socket = null;
  let attempts = 0;
  let lastHeard = 0; // local clock: only differences matter
  let freshAt = genba.now(); // what is shown was true then
  let everOpen = false;
  let lostTimer = null;
  let retryTimer = null;
  let hideTimer = null;
  const waiting = new Map();

  const emit = (name, detail) => body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));

  // The first message of a burst goes through at once, the rest as one at the end of the interval
  function announce(message) {
    const key = `${message.event}:${message.id ?? ""}`;
    const burst = waiting.get(key);
    if (burst) {
      burst.again = message;
      return;
    }
    waiting.set(key, { again: null });
    setTimeout(() => {
      const { again } = waiting.get(key);
      waiting.delete(key);
      if (again) announce(again);
    }, COALESCE_MS);
    emit(`genba:${message.event}`, message);
    if (message.id) emit(`genba:${message.event}:${message.id}`, message);
  }

  function showBanner(kind, words) {
    banner.dataset.kind = kind;
    text.textContent = words;
    banner.hidden = false;
    clearTimeout(hideTimer);
  }

  function tellLost() {
    const ago = genba.ago(freshAt);
    showBanner("lost", genba.fill(banner.dataset.lost, { time: genba.clock(freshAt), ago }));
  }

  function lost() {
    if (root.dataset.connection === "lost") return;
    root.dataset.connection = "lost";
    tellLost();
  }

  function found() {
    const wasLost = root.dataset.connection === "lost";
    clearTimeout(lostTimer);
    lostTimer = null;
    attempts = 0;
    root.dataset.connection = "live";
    if (everOpen) emit("genba:refresh"); // whatever was said in between was not heard
    everOpen = true;
    if (wasLost) {
      showBanner("back", banner.dataset.back);
      hideTimer = setTimeout(() => (banner.hidden = true), 3_000);
    }
  }

  function heard(event) {
    lastHeard = Date.now();
    freshAt = genba.now();
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return;
    }
    if (message.at && message.event === "tick") genba.setServerTime(message.at);
    if (message.event && message.event !== "tick") announce(message);
  }

  function retry() {
    const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** attempts++);
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, most * (0.5 + Math.random() / 2)); // jitter: a whole plant must not knock at once
    lostTimer ??= setTimeout(lost, GRACE_MS);
  }

  function connect() {
    clearTimeout(retryTimer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const mine = new WebSocket(`${scheme}://${location.host}/ws/floor/`);
    socket = mine;
    lastHeard = Date.now();
    mine.addEventListener("open", () => {
      if (mine !== socket) return;
      lastHeard = Date.now();
      freshAt = genba.now();
      found();
    });
    mine.addEventListener("message", (event) => mine === socket && heard(event));
    mine.addEventListener("close", () => mine === socket && retry());
  }

  // A dead network closes nothing by itself: silence is the sign
  setInterval(() => {
    if (root.dataset.connection === "lost") tellLost();
    if (Date.now() - lastHeard > SILENCE_MS) reconnect();
  }, 1_000);

  function reconnect() {
    const old = socket;
    socket = null;
    old?.close();
    lastHeard = Date.now();
    lost();
    connect();
  }

  setInterval(() => root.dataset.connection === "lost" && !document.hidden && emit("genba:refresh"), POLL_MS);
  document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
    if (root.dataset.connection !== "lost" || detail.requestConfig.verb !== "get" || !detail.successful) return;
    freshAt = genba.now();
    tellLost();
  });

  window.addEventListener("online", () => socket?.readyState !== WebSocket.OPEN && connect());
  window.addEventListener("offline", () => (lost(), socket?.close()));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && socket?.readyState === WebSocket.CLOSED) connect();
  });
  window.addEventListener("pagehide", () => {
    const old = socket;
    socket = null; // leaving is not losing
    old?.close();
  });
  window.addEventListener("pageshow", (event) => event.persisted && (connect(), emit("genba:refresh")));

  connect();
})();
