// Turns the JSON of a chart (shape: docs/design/components.md) into options for uPlot. Colours come from the CSS
// tokens, so a chart follows the theme. Used by charts.js.
(() => {
  const FONT = () => `12px ${getComputedStyle(document.body).fontFamily}`;
  const STATES = ["running", "idle", "setup", "stopped", "maintenance", "no_data"];
  const MEANINGS = { good: "--state-running", scrap: "--state-stopped", rework: "--attention-fill" };
  const LIMIT_LOOK = {
    spec: { token: "--chart-limit", dash: [] },
    control: { token: "--chart-control", dash: [6, 4] },
    center: { token: "--chart-center", dash: [2, 3] },
    target: { token: "--chart-center", dash: [8, 3] },
  };
  const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]]; // lines differ without colour, too
  // light-dark() resolves only on an element, hence the probe
  function resolve(token) {
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  function colourOf(series, index) {
    if (MEANINGS[series.color]) return resolve(MEANINGS[series.color]);
    if (STATES.includes(series.color)) return resolve(`--state-${series.color.replace("_", "-")}`);
    return resolve(`--chart-${(index % 5) + 1}`);
  }

  const isBars = ({ kind }) => kind === "bars" || kind === "stacked";
  const named = ({ label, unit }) => (unit ? `${label} (${unit})` : label);
  const number = (value, decimals) =>
    value == null
      ? ""
      : value.toLocaleString(document.documentElement.lang, {
          minimumFractionDigits: decimals,
          maximumFractionDigits: decimals ?? 3,
        });
  const limitName = (spec, limit) => `${limit.name} ${number(limit.value, limit.decimals ?? spec.y.decimals)}`;
  const seconds = (value) => (typeof value === "string" ? Date.parse(value) / 1000 : value);

  const dayMonth = genba.timeFormat({ month: "short", day: "numeric" });
  const stamp = genba.timeFormat({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  // A series of days is named by day, anything finer with its time
  function xText(x, index) {
    if (x.type !== "time") return String(x.values[index]);
    const daily = x.values.every((value) => genba.clock(seconds(value) * 1000) === "00:00");
    return (daily ? dayMonth : stamp).format(seconds(x.values[index]) * 1000);
  }

  function xValues({ type, values }) {
    if (type === "time") return values.map(seconds);
    return type === "category" ? values.map((_, index) => index) : values;
  }

  genba.chartColumns = (spec) => [
    xValues(spec.x),
    ...(spec.kind === "stacked" ? stack(spec.series).reverse() : spec.series.map(({ values }) => values)),
  ];

  function stack(series) {
    const sums = [];
    return series.map(({ values }) =>
      values.map((value, index) => {
        if (series.every((one) => one.values[index] == null)) return null; // nothing known is no bar of zero
        return (sums[index] = (sums[index] ?? 0) + (value ?? 0));
      }),
    );
  }

  // What a chart is built around. While it stays the same, new values go into the chart that stands.
  genba.chartFrame = ({ kind, x, y, series, limits }) =>
    JSON.stringify([
      [kind, x.type, x.label, x.unit, y, Boolean(limits?.length)],
      series.map(({ name, color, values }) => [name, color, hasPoints(kind, values)]),
    ]);

  const hasPoints = (kind, values) => kind === "individuals" || values.length < 60;

  function yRange(spec, low, high) {
    const marks = (spec.limits ?? []).map((limit) => limit.value);
    const bars = isBars(spec);
    const least = spec.y.min ?? Math.min(low ?? 0, ...marks, ...(bars ? [0] : []));
    const most = spec.y.max ?? Math.max(high ?? 1, ...marks);
    const room = (most - least || Math.abs(most) || 1) * 0.08;
    return [spec.y.min ?? (bars && least === 0 ? 0 : least - room), spec.y.max ?? most + room];
  }

  function timeTicks(_u, ticks, _axis, _space, step) {
    let day = "";
    return ticks.map((tick) => {
      const date = dayMonth.format(tick * 1000);
      if (step >= 86_400) return date;
      const text = genba.clock(tick * 1000) + (date === day ? "" : `\n${date}`);
      day = date;
      return text;
    });
  }

  function axes(spec, colours) {
    const common = {
      stroke: colours.text,
      font: FONT(),
      labelFont: FONT(),
      grid: { stroke: colours.grid, width: 1 },
      ticks: { show: false },
    };
    const x = {
      ...common,
      label: named(spec.x),
      labelSize: 18,
      labelGap: 2,
      size: 26,
      grid: { show: false },
      gap: 6,
    };
    if (spec.x.type === "time") Object.assign(x, { values: timeTicks, size: 40 });
    if (spec.x.type === "category") {
      x.splits = (u) => {
        const every = Math.max(1, Math.ceil(((spec.x.values.length * 56) / u.bbox.width) * devicePixelRatio));
        return spec.x.values.map((_, index) => index).filter((index) => index % every === 0);
      };
      x.values = (_u, ticks) => ticks.map((index) => spec.x.values[index] ?? "");
    }
    const y = { ...common, label: named(spec.y), labelSize: 20, size: 56 };
    y.values = (_u, ticks, _axis, _space, step) =>
      ticks.map((tick) => number(tick, Math.max(0, -Math.floor(Math.log10(step)))));
    return [x, y];
  }

  function seriesOptions(spec) {
    const bars = isBars(spec);
    return spec.series.map((series, index) => {
      const colour = colourOf(series, index);
      const base = { label: series.name, stroke: colour, spanGaps: false };
      if (bars)
        return {
          ...base,
          fill: colour,
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars({ size: [0.64, 72], radius: 0.08 }),
        };
      return {
        ...base,
        width: 1.75,
        dash: DASHES[index % 4],
        points: { show: hasPoints(spec.kind, series.values), size: 5, fill: colour },
      };
    });
  }

  function drawBands(u, spec) {
    for (const band of spec.bands ?? []) {
      const [from, to] = [band.from, band.to].map((at) => u.valToPos(seconds(at), "x", true));
      u.ctx.fillStyle = colourOf({ color: band.state }, 0);
      u.ctx.globalAlpha = 0.22;
      u.ctx.fillRect(from, u.bbox.top, Math.max(1, to - from), u.bbox.height);
      u.ctx.globalAlpha = 1;
    }
  }

  function drawLimits(u, spec) {
    const { ctx, bbox } = u;
    const scale = devicePixelRatio;
    let lowest = -Infinity;
    const byHeight = [...(spec.limits ?? [])].sort((a, b) => b.value - a.value);
    ctx.save();
    ctx.font = `${12 * scale}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    for (const limit of byHeight) {
      const look = LIMIT_LOOK[limit.kind] ?? LIMIT_LOOK.center;
      const at = u.valToPos(limit.value, "y", true);
      if (at < bbox.top - 1 || at > bbox.top + bbox.height + 1) continue;
      ctx.strokeStyle = ctx.fillStyle = resolve(look.token);
      ctx.lineWidth = 1.25 * scale;
      ctx.setLineDash(look.dash.map((length) => length * scale));
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
      lowest = Math.max(at, lowest + 14 * scale); // names of close limits move apart
      ctx.fillText(limitName(spec, limit), bbox.left + bbox.width + 6 * scale, lowest);
    }
    ctx.restore();
  }

  // Points that mean something: a diamond, larger, in the colour of stopped
  function drawMarks(u, spec) {
    const size = 6 * devicePixelRatio;
    u.ctx.fillStyle = resolve("--danger");
    for (const { index, series = 0 } of spec.marks ?? []) {
      const value = u.data[series + 1][index];
      if (value == null) continue;
      const [x, y] = [u.valToPos(u.data[0][index], "x", true), u.valToPos(value, "y", true)];
      u.ctx.beginPath();
      u.ctx.moveTo(x, y - size);
      u.ctx.lineTo(x + size, y);
      u.ctx.lineTo(x, y + size);
      u.ctx.lineTo(x - size, y);
      u.ctx.fill();
    }
  }

  function tooltip(spec) {
    const box = document.createElement("div");
    box.className = "chart-tip";
    box.hidden = true;
    return {
      init: (u) => u.over.append(box),
      setCursor: (u) => {
        const { idx, left, top } = u.cursor;
        box.hidden = idx == null || left < 0;
        if (box.hidden) return;
        const mark = (spec.marks ?? []).find((one) => one.index === idx);
        const lines = spec.series.map(
          (series) => `${series.name}: ${number(series.values[idx], spec.y.decimals)} ${spec.y.unit ?? ""}`,
        );
        box.textContent = [xText(spec.x, idx), ...lines, ...(mark?.name ? [mark.name] : [])].join("\n");
        const flip = left > u.over.clientWidth / 2;
        box.style.transform = `translate(${flip ? left - box.offsetWidth - 10 : left + 10}px, ${Math.max(0, top - box.offsetHeight - 8)}px)`;
      },
    };
  }

  // Room on the right for the longest name of a limit
  function limitRoom(spec) {
    if (!spec.limits?.length) return 12;
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = FONT();
    return Math.max(...spec.limits.map((limit) => pen.measureText(limitName(spec, limit)).width)) + 14;
  }

  // Bars stand on their instant: half a step of room at both ends, or the first and last are cut
  function xRange(spec) {
    const at = xValues(spec.x);
    const half = at.length > 1 ? (at[1] - at[0]) * 0.6 : 0.6;
    return [at[0] - half, at.at(-1) + half];
  }

  genba.chartOptions = (spec, plot) => {
    const colours = { text: resolve("--text-muted"), grid: resolve("--chart-grid") };
    const hover = tooltip(spec);
    const zone = document.documentElement.dataset.timeZone;
    const date = (at) => new Date(at * 1000);
    const series = seriesOptions(spec);
    const standsInSteps = isBars(spec) || spec.x.type === "category";
    return {
      width: plot.clientWidth,
      height: plot.clientHeight - (spec.series.length > 1 ? 28 : 0),
      padding: [12, () => limitRoom(spec), 0, 0],
      tzDate: (at) => (zone ? uPlot.tzDate(date(at), zone) : date(at)),
      scales: {
        x: { time: spec.x.type === "time", ...(standsInSteps && { range: () => xRange(spec) }) },
        y: { range: (_u, low, high) => yRange(spec, low, high) },
      },
      axes: axes(spec, colours),
      series: [{}, ...(spec.kind === "stacked" ? series.reverse() : series)],
      legend: { show: spec.series.length > 1, live: false },
      cursor: { y: false, points: { show: spec.kind === "line" || spec.kind === "individuals" } },
      hooks: {
        init: [hover.init],
        setCursor: [hover.setCursor],
        drawClear: [(u) => drawBands(u, spec)],
        draw: [(u) => drawLimits(u, spec), (u) => drawMarks(u, spec)],
      },
    };
  };

  Object.assign(genba, { chartNumber: number, chartNamed: named, chartLimitName: limitName, chartX: xText });
})();
