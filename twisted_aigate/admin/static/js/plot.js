// Plots: lines over time and bars, as SVG.

import { h, svgPart as part } from "./dom.js";
import { clock } from "./words.js";

const BOTTOM = 20;
const TOP = 6;
const LINES = 2;

/** The least number that is not below a value and whose half is round too. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 6, 8, 10].find((step) => step * power >= value * 0.999);
}

/** Draw the lines that values are read by; how far the plot is from the left. */
function grid(svg, width, height, most, format) {
  const words = Array.from({ length: LINES + 1 }, (_, at) => format((most * (LINES - at)) / LINES));
  const left = 14 + Math.max(...words.map((word) => word.length)) * 6.2;
  for (let at = 0; at <= LINES; at += 1) {
    const y = TOP + ((height - TOP - BOTTOM) * at) / LINES;
    svg.append(
      part("line", { class: "gridline", x1: left, x2: width, y1: y, y2: y }),
      part("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, words[at]),
    );
  }
  return left;
}

/** Redraw when the width changes; what is drawn is told the size. */
function sized(svg, draw) {
  new ResizeObserver(() => draw()).observe(svg);
  return () => [Math.max(svg.clientWidth, 160), svg.clientHeight || 168];
}

/**
 * Lines over the last minutes.
 * @param series - [{ name, color }], drawn in the order of their values in points.
 * @returns the element, and update(points): [{ time, values }], null where there is none.
 */
export function linePlot(title, series, format, { area = true } = {}) {
  const svg = part("svg", { role: "img", "aria-label": title });
  const legend = series.map(({ name, color }) =>
    h("span", { class: color }, name, " ", h("b", {}, "–")),
  );
  const element = h(
    "figure",
    { class: "card plot" },
    h("header", {}, h("h2", {}, title), h("div", { class: "legend" }, legend)),
    svg,
  );
  let points = [];
  let hovered = null;
  let left = 0;
  const size = sized(svg, draw);

  svg.addEventListener("pointermove", (event) => {
    const [width] = size();
    const share = (event.offsetX - left) / (width - left);
    hovered = Math.min(points.length - 1, Math.max(0, Math.round(share * (points.length - 1))));
    draw();
  });
  svg.addEventListener("pointerleave", () => {
    hovered = null;
    draw();
  });

  function draw() {
    const [width, height] = size();
    const bottom = height - BOTTOM;
    const most = roundUp(
      Math.max(...points.flatMap((point) => point.values.map((value) => value ?? 0)), 0),
    );
    const x = (at) => left + ((width - left) * at) / Math.max(points.length - 1, 1);
    const y = (value) => bottom - ((bottom - TOP) * value) / most;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    left = grid(svg, width, height, most, format);
    series.forEach(({ color }, which) => {
      if (which > 0 && !points.some((point) => point.values[which])) return;
      for (const run of runs(points, which)) {
        const line = run
          .map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
          .join("L");
        if (run.length === 1)
          svg.append(
            part("circle", { class: `point ${color}`, r: 2, cx: x(run[0][0]), cy: y(run[0][1]) }),
          );
        if (area && which === 0)
          svg.append(
            part("path", {
              class: `area ${color}`,
              d: `M${x(run[0][0])} ${bottom}L${line}L${x(run.at(-1)[0])} ${bottom}Z`,
            }),
          );
        svg.append(part("path", { class: `line ${color}`, d: `M${line}` }));
      }
    });
    if (points.length > 1) {
      [
        [0, "start"],
        [Math.floor(points.length / 2), "middle"],
        [points.length - 1, "end"],
      ].forEach(([at, anchor]) =>
        svg.append(
          part(
            "text",
            { x: x(at), y: height - 4, "text-anchor": anchor },
            clock(points[at].time).slice(0, 5),
          ),
        ),
      );
    }
    const shown = points[hovered ?? points.length - 1];
    if (hovered !== null && shown)
      svg.append(
        part("line", { class: "cursor", x1: x(hovered), x2: x(hovered), y1: TOP, y2: bottom }),
      );
    series.forEach((_, which) => {
      const value = shown?.values[which];
      legend[which].lastElementChild.textContent =
        value === null || value === undefined ? "–" : format(value);
    });
  }

  return {
    element,
    update(next) {
      points = next;
      draw();
    },
  };
}

/** The stretches of points that have a value, as [[at, value], …]. */
function runs(points, which) {
  const found = [];
  let run = [];
  points.forEach((point, at) => {
    const value = point.values[which];
    if (value === null) {
      if (run.length) found.push(run);
      run = [];
    } else run.push([at, value]);
  });
  if (run.length) found.push(run);
  return found;
}

/** Bars. @param bars - [{ label, value, about }]. */
export function barPlot(title, bars, format) {
  const svg = part("svg", {
    role: "img",
    "aria-label": `${title}: ${bars.map((bar) => `${bar.label} ${format(bar.value)}`).join(", ")}`,
  });
  const size = sized(svg, draw);
  function draw() {
    const [width, height] = size();
    const bottom = height - BOTTOM;
    const most = roundUp(Math.max(...bars.map((bar) => bar.value), 0));
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const left = grid(svg, width, height, most, format);
    const step = (width - left) / Math.max(bars.length, 1);
    bars.forEach((bar, at) => {
      const tall = Math.max(((bottom - TOP) * bar.value) / most, bar.value > 0 ? 2 : 0);
      const gap = Math.min(step * 0.25, 6);
      svg.append(
        part(
          "rect",
          {
            class: "bar c1",
            x: left + step * at + gap / 2,
            width: Math.max(step - gap, 1),
            y: bottom - tall,
            height: tall,
            rx: Math.min(3, step / 4),
          },
          part("title", {}, `${bar.label}: ${bar.about ?? format(bar.value)}`),
        ),
      );
    });
    const every = Math.max(
      1,
      Math.ceil(bars.length / Math.max(2, Math.floor((width - left) / 76))),
    );
    bars.forEach((bar, at) => {
      if (at % every === 0)
        svg.append(
          part(
            "text",
            {
              x: left + step * (at + 0.5),
              y: height - 4,
              "text-anchor": at === 0 && bars.length > 8 ? "start" : "middle",
            },
            bar.label,
          ),
        );
    });
  }
  return h("figure", { class: "card plot" }, h("header", {}, h("h2", {}, title)), svg);
}
