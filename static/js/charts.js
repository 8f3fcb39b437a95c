// Draws every <figure data-chart="{…}"> (shape: docs/design/components.md); again when the theme or the width change,
// and in place when only the numbers do. The numbers stay one click away as a table.
(() => {
  const { chartColumns, chartFrame, chartLimitName, chartNamed, chartNumber, chartOptions, chartX } = genba;
  const drawn = new Map(); // figure -> { source, spec, chart? }

  function draw(figure) {
    const before = drawn.get(figure);
    const source = figure.dataset.chart;
    if (before?.source === source) return;
    const spec = JSON.parse(source);
    if (before?.chart && hasValues(spec) && chartFrame(spec) === chartFrame(before.spec)) {
      for (const key of Object.keys(before.spec)) delete before.spec[key];
      Object.assign(before.spec, spec); // the chart's own functions read it
      before.source = source;
      before.chart.setData(chartColumns(spec));
    } else {
      before?.chart?.destroy();
      drawn.set(figure, { source, spec, chart: build(figure, spec) });
    }
    if (figure.querySelector(".chart-table").open) fillTable(figure);
  }

  const hasValues = (spec) => spec.series.some(({ values }) => values.some((value) => value != null));

  function build(figure, spec) {
    const plot = figure.querySelector(".chart-plot");
    plot.replaceChildren();
    if (!hasValues(spec)) {
      const word = document.createElement("span");
      word.textContent = figure.dataset.noData;
      const empty = document.createElement("div");
      empty.className = "chart-empty";
      empty.append(word);
      plot.append(empty);
      return undefined;
    }
    widths.observe(plot);
    return new uPlot(chartOptions(spec, plot), chartColumns(spec), plot);
  }

  function fillTable(figure) {
    const { spec } = drawn.get(figure);
    const table = document.createElement("table");
    table.className = "table table-dense";
    table.createCaption().textContent = (spec.limits ?? [])
      .map((limit) => chartLimitName(spec, limit))
      .join(" · ");
    const head = table.createTHead().insertRow();
    for (const [index, name] of [
      chartNamed(spec.x),
      ...spec.series.map((series) => chartNamed({ label: series.name, unit: spec.y.unit })),
    ].entries()) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      if (index) cell.className = "num";
      head.append(cell);
    }
    const rows = table.createTBody();
    for (const index of spec.x.values.keys()) {
      const row = rows.insertRow();
      row.insertCell().textContent = chartX(spec.x, index);
      for (const { values } of spec.series) {
        const cell = row.insertCell();
        cell.className = "num";
        cell.textContent =
          values[index] == null ? figure.dataset.noData : chartNumber(values[index], spec.y.decimals);
      }
    }
    Idiomorph.morph(figure.querySelector(".chart-table > div"), table, { morphStyle: "innerHTML" });
  }

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = drawn.get(target.closest("[data-chart]"))?.chart;
      if (chart && Math.abs(chart.width - target.clientWidth) > 1)
        chart.setSize({ width: target.clientWidth, height: chart.height });
    }
  });

  function drawAll() {
    for (const [figure, { chart }] of drawn) {
      if (figure.isConnected) continue;
      chart?.destroy();
      drawn.delete(figure);
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  function drawAnew() {
    for (const { chart } of drawn.values()) chart?.destroy();
    drawn.clear();
    drawAll();
  }

  drawAll();
  document.addEventListener("genba:theme", drawAnew);
  document.addEventListener("htmx:afterSwap", drawAll);
  document.addEventListener(
    "toggle",
    (event) =>
      event.target.open &&
      event.target.matches(".chart-table") &&
      fillTable(event.target.closest("[data-chart]")),
    true,
  );

  // Paper is light, whatever the screen is
  let pinned;
  window.addEventListener("beforeprint", () => {
    pinned = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    drawAnew();
  });
  window.addEventListener("afterprint", () => {
    if (pinned) document.documentElement.dataset.theme = pinned;
    else delete document.documentElement.dataset.theme;
    drawAnew();
  });
})();
