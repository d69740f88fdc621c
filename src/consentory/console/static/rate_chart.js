// Draws the rate of an import while it runs, from the numbers that the live part shows.
"use strict";
(() => {
  const MOST = 300;
  const times = [], rates = [];
  let last = null, chart = null;
  const figure = document.getElementById("rate"), place = document.getElementById("rate-chart");
  const read = () => {
    const pace = document.getElementById("pace");
    if (!pace) { last = null; return; }
    const done = Number(pace.dataset.done), now = Date.now() / 1000;
    if (last && now - last.time > 0.5) {
      times.push(now); rates.push(Math.max(0, (done - last.done) / (now - last.time)));
      if (times.length > MOST) { times.shift(); rates.shift(); }
      draw();
    }
    if (!last || now - last.time > 0.5) last = { time: now, done };
  };
  const draw = () => {
    if (times.length < 2) return;
    figure.hidden = false;
    const show = (rate) => Math.round(rate).toLocaleString("en");
    document.getElementById("rate-text").textContent =
      `Now ${show(rates[rates.length - 1])}, highest ${show(Math.max(...rates))}, lowest ${show(Math.min(...rates))}.`;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    if (!chart) {
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
      chart = new uPlot({
        width: place.clientWidth, height: 160, legend: { show: false }, cursor: { show: false },
        scales: { y: { range: (_, low, high) => [0, high || 1] } },
        axes: [axis, { ...axis, size: 64 }],
        series: [{}, { stroke: colour("--accent"), width: 2, fill: colour("--accent-soft") }],
      }, [times, rates], place);
    } else chart.setData([times, rates]);
  };
  document.addEventListener("htmx:afterRequest", read);
  addEventListener("resize", () => chart && chart.setSize({ width: place.clientWidth, height: 160 }));
  document.addEventListener("DOMContentLoaded", read);
})();
