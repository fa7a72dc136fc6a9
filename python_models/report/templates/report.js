"use strict";
// Draws the plots in the colours of the page, and searches the samples. Text of the dataset is never made HTML here.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const layoutOf = (given) => {
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
    return {
      ...given,
      xaxis: { ...axis, ...given.xaxis },
      yaxis: { ...axis, ...given.yaxis },
      font: { color: colour("--ink"), family: "system-ui, sans-serif" },
      colorway: [colour("--first"), colour("--second")],
      paper_bgcolor: colour("--paper"),
      plot_bgcolor: colour("--paper"),
      margin: { l: 56, r: 12, t: 64, b: 48 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
    };
  };

  const config = {
    responsive: true,
    displaylogo: false,
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d"], // nothing leaves the page
  };

  const draw = () => {
    for (const place of document.querySelectorAll("[data-plot]")) {
      const plot = data[place.dataset.plot];
      Plotly.react(place, plot.traces, layoutOf(plot.layout), config);
    }
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  const search = document.getElementById("search");
  search?.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    const samples = [...document.querySelectorAll(".sample")];
    for (const sample of samples) {
      sample.hidden = !sample.textContent.toLowerCase().includes(wanted);
    }
    const n = samples.filter((sample) => !sample.hidden).length;
    document.getElementById("found").textContent = wanted ? `${n} of ${samples.length} samples` : "";
  });
})();
