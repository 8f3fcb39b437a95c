// Draws every <figure data-chart="id"> from the JSON block with that id (shape: docs/design/components.md); again
// when the theme, the width or the data change. The numbers stay one click away as a table.
(() => {
  const { chartColumns, chartLimitName, chartNamed, chartNumber, chartOptions, chartX } = genba;
  const charts = new Map();

  function draw(figure) {
    const source = document.getElementById(figure.dataset.chart);
    const plot = figure.querySelector(".chart-plot");
    if (!source || !plot) return;
    const spec = JSON.parse(source.textContent);
    charts.get(figure)?.destroy();
    charts.delete(figure);
    plot.replaceChildren();
    if (!spec.series.some(({ values }) => values.some((value) => value != null))) {
      const word = document.createElement("span");
      word.textContent = figure.dataset.noData;
      plot.classList.add("chart-empty");
      plot.append(word);
      return;
    }
    plot.classList.remove("chart-empty");
    charts.set(figure, new uPlot(chartOptions(spec, plot), chartColumns(spec), plot));
    widths.observe(plot);
  }

  function fillTable(figure) {
    const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
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
    figure.querySelector(".chart-table > div").replaceChildren(table);
  }

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = charts.get(target.closest("[data-chart]"));
      if (chart && Math.abs(chart.width - target.clientWidth) > 1)
        chart.setSize({ width: target.clientWidth, height: chart.height });
    }
  });

  function drawAll() {
    for (const [figure, chart] of charts) {
      if (figure.isConnected) continue;
      chart.destroy();
      charts.delete(figure);
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  }

  drawAll();
  document.addEventListener("genba:theme", drawAll);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.matches?.("[data-chart]") || event.target.querySelector?.("[data-chart]")) drawAll();
  });
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
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    if (pinned) document.documentElement.dataset.theme = pinned;
    else delete document.documentElement.dataset.theme;
    drawAll();
  });
})();
