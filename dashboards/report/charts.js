// Charts as SVG: bars or lines over periods, with a table of the same values one click away.

const MARGIN = { top: 10, right: 12, bottom: 24, left: 58 };
const HEIGHT = 210;
const SERIES = 6;
/** What an axis shows at least, so that little is not drawn as much. */
const LEAST = { rate: 0.1, hours: 0.25, count: 1 };

/** Round steps that cover 0 to `top` in at most five ticks. */
function ticks(top, whole) {
  const steps = [1, 2, 2.5, 5, 10];
  const size = 10 ** Math.floor(Math.log10(top / 4 || 1));
  let step = size * steps.find((each) => each * size >= top / 4);
  if (whole) step = Math.max(1, Math.ceil(step));
  const found = [];
  for (let n = 0; n * step <= top * 1.0001; n++) found.push(Number((n * step).toPrecision(6)));
  return found;
}

/** How the values of an axis are written: hours all in one unit. */
function axisFormat(kind, top) {
  if (kind !== "hours") return { write: write[kind], factor: 1 };
  return { write: (value) => write.hours(value, top / 2), factor: unitOf(top / 2)[1] };
}

/**
 * Draw a chart.
 * @param chart kind of value; starts: day numbers of the periods; lines: {name, values, style, partial}; bars: whether
 *   the first lines are bars; mark: day numbers between which the chosen period lies; bands: level bands.
 */
function drawChart(chart, width) {
  const { lines, starts, kind } = chart;
  const values = lines.flatMap((line) => line.values).filter((value) => value !== null);
  const top = Math.max(...values, chart.least ?? LEAST[kind]) * 1.08;
  const axis = axisFormat(kind, top);
  const steps = ticks(top / axis.factor, kind === "count").map((each) => each * axis.factor);
  const right = rightMargin(chart);
  const [inner, tall] = [width - MARGIN.left - right, HEIGHT - MARGIN.top - MARGIN.bottom];
  const slot = inner / starts.length;
  const x = (place) => MARGIN.left + (place + 0.5) * slot;
  const y = (value) => MARGIN.top + tall - (Math.min(value, top) / top) * tall;
  const svg = make("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": describe(chart),
  });
  const first = chart.mark ? starts.findIndex((start) => start >= chart.mark[0]) : -1;
  if (first >= 0) {
    const count = starts.filter((start) => start >= chart.mark[0] && start < chart.mark[1]).length;
    svg.append(make("rect", {
      class: "mark", x: x(first) - slot / 2, width: Math.max(count, 1) * slot, y: MARGIN.top, height: tall,
    }));
  }
  svg.append(...drawBands(chart.bands ?? [], y, top, width - right));
  for (const step of steps)
    svg.append(
      make("line", { class: "grid", x1: MARGIN.left, x2: width - right, y1: y(step), y2: y(step) }),
      make("text", { class: "tick", x: MARGIN.left - 6, y: y(step) + 4, "text-anchor": "end" }, step ? axis.write(step) : number(0)),
    );
  svg.append(...timeTicks(starts, x, width, chart.grain));
  lines.forEach((line, place) => svg.append(chart.bars ? drawBars(line, place, x, y, slot, chart) : drawLine(line, x, y, chart)));
  if (!values.length)
    svg.append(make("text", { class: "empty", x: MARGIN.left + inner / 2, y: HEIGHT / 2, "text-anchor": "middle" }, say("no_data")));
  return svg;
}

/** Room beside the plot: for the names of the level bands, where there are any. */
const rightMargin = (chart) => (chart.bands?.length ? 112 : MARGIN.right);

/** Level bands behind the lines, and their names beside the plot, none over another. */
function drawBands(bands, y, top, right) {
  let free = Infinity;
  return bands.filter((band) => band.low <= top).sort((a, b) => a.low - b.low).flatMap((band) => {
    const [upper, lower] = [y(Math.min(band.high ?? Infinity, top)), y(band.low)];
    const shape = band.low === band.high
      ? make("line", { class: "level", x1: MARGIN.left, x2: right, y1: upper, y2: upper })
      : make("rect", { class: "band " + band.class, x: MARGIN.left, width: right - MARGIN.left, y: upper, height: Math.max(lower - upper, 1) });
    const text = Math.min((upper + lower) / 2 + 4, free);
    free = text - 12;
    return [shape, make("text", { class: "bandname", x: right + 6, y: text }, band.name)];
  });
}

function timeTicks(starts, x, width, grain) {
  const most = Math.max(2, Math.floor(width / 90));
  const every = Math.ceil(starts.length / most);
  const options = grain === "month" ? { month: "short", year: "2-digit" } : { day: "numeric", month: "short" };
  return starts.flatMap((start, place) =>
    place % every
      ? []
      : [make("text", { class: "tick", x: x(place), y: HEIGHT - 6, "text-anchor": "middle" }, date(dayText(start), options))],
  );
}

function drawBars(line, place, x, y, slot, chart) {
  const count = chart.stacked ? 1 : chart.lines.length;
  const wide = Math.max(1, (slot * 0.76) / count);
  const group = make("g", { class: "bars " + line.style });
  line.values.forEach((value, at) => {
    if (!value) return;
    const left = x(at) - (slot * 0.76) / 2 + (chart.stacked ? 0 : place * wide);
    group.append(make("rect", {
      x: left.toFixed(1), width: wide.toFixed(1), y: y(value).toFixed(1), height: (y(0) - y(value)).toFixed(1),
      class: line.partial?.[at] ? "partial" : null, "data-tip": tip(chart, line, at),
    }));
  });
  return group;
}

/** A line that breaks where there is no value; points of few samples are small, and of periods that are not over hollow. */
function drawLine(line, x, y, chart) {
  const group = make("g", { class: "line " + line.style }, make("path", { d: pathOf(line.values, x, y) }));
  const dots = line.values.length <= 120;
  line.values.forEach((value, at) => {
    if (value === null || (!dots && !isLone(line.values, at))) return;
    const few = line.n && line.n[at] !== null && line.n[at] < FEW;
    group.append(make("circle", {
      cx: x(at).toFixed(1), cy: y(value).toFixed(1), r: few ? 2.2 : 3.2, class: line.partial?.[at] ? "partial" : null, "data-tip": tip(chart, line, at),
    }));
  });
  return group;
}

/** One value in words: what it is, how many it rests on, and whether its period is over. */
const tip = (chart, line, at) =>
  `${line.name}: ${shown(chart.kind, line.values[at])}` + (line.n?.[at] ? ` · n ${number(line.n[at])}` : "") +
  (line.partial?.[at] ? ` (${say("partial")})` : "");

/** Under the pointer: the period, and what each line has there. Keyboards and screen readers have the table. */
function hover(chart, place, event) {
  const [box, old] = [place.getBoundingClientRect(), place.querySelector(".tip")];
  old?.remove();
  place.querySelector(".guide")?.remove();
  const left = event.clientX - box.left;
  const slot = (box.width - MARGIN.left - rightMargin(chart)) / chart.starts.length;
  const at = Math.floor((left - MARGIN.left) / slot);
  if (event.type === "pointerleave" || at < 0 || at >= chart.starts.length) return;
  const guide = make("div", { class: "guide" });
  const found = make("div", { class: "tip" }, make("b", {}, periodLabel(chart.grain, chart.starts[at])),
    chart.lines.map((line) => make("span", { class: line.style }, tip(chart, line, at))));
  const middle = MARGIN.left + (at + 0.5) * slot;
  place.append(guide, found);
  guide.style.left = middle + "px";
  found.style.left = Math.max(0, Math.min(middle + 10, box.width - found.offsetWidth)) + "px";
}

const periodLabel = (grain, start) =>
  grain === "week" ? say("week_of", { day: date(dayText(start)) })
    : date(dayText(start), grain === "month" ? { month: "long", year: "numeric" } : undefined);

const describe = (chart) =>
  `${chart.title}. ${chart.lines.map((line) => line.name).join(", ")}. ` +
  say("chart_label", { from: date(dayText(chart.starts[0])), to: date(dayText(chart.starts.at(-1))) });

/** A chart with its title, legend, and the table of its values. */
function figure(chart) {
  const named = chart.lines.length > 1 || chart.named;
  const legend = make("p", { class: "legend" }, named && chart.lines.map((line) => make("span", { class: line.style }, line.name)),
    chart.bands?.length > 0 && make("small", {}, say("bands_of", { year: state.levels })));
  const place = make("div", { class: "plot" });
  for (const type of ["pointermove", "pointerdown", "pointerleave"]) place.addEventListener(type, (event) => hover(chart, place, event));
  const table = make("details", { class: "values" }, make("summary", {}, say("as_table"), make("span", { class: "hidden" }, ": " + chart.title)));
  table.addEventListener("toggle", () => table.open && table.childElementCount === 1 && table.append(chartTable(chart)));
  const element = make("figure", { class: "chart", id: "chart-" + chart.id },
    make("figcaption", {}, make("h3", {}, chart.title), chart.note && make("p", {}, chart.note)), legend, place, table);
  plots.push([place, (width) => place.replaceChildren(drawChart(chart, Math.max(260, width)))]);
  return element;
}

/** What draws the charts of the page once it has its width; run again when the width changes. */
let plots = [];

/** Draw the charts: all widths are read before anything is drawn, so that the page is laid out once. */
function drawPlots() {
  const widths = plots.map(([place]) => place.clientWidth);
  plots.forEach(([, draw], place) => draw(widths[place]));
}

function chartTable(chart) {
  const head = make("tr", {}, make("th", { scope: "col" }, say("by_" + chart.grain)), chart.lines.map((line) => make("th", { scope: "col", class: "number" }, line.name)));
  const body = chart.starts.map((start, at) => [start, at]).reverse().map(([start, at]) =>
    make("tr", {},
      make("th", { scope: "row" }, periodLabel(chart.grain, start), chart.lines[0].partial?.[at] ? ` (${say("partial")})` : ""),
      chart.lines.map((line) => make("td", { class: "number" }, datum(chart.kind, line.values[at])))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": chart.title + ": " + say("table") },
    make("table", {}, make("caption", { class: "hidden" }, chart.title), make("thead", {}, head), make("tbody", {}, body)));
}

/** A trend without axes, as wide as its place; what it shows is in the charts below. From `marked` on it is shaded. */
function sparkline(values, marked) {
  const [width, height] = [120, 30];
  const svg = make("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const top = Math.max(...values.filter((value) => value !== null)) || 1;
  const x = (at) => 3 + (at * (width - 6)) / Math.max(values.length - 1, 1);
  const y = (value) => height - 4 - (value / top) * (height - 8);
  if (marked >= 0) svg.append(make("rect", { class: "mark", x: x(marked) - 3, width: width - x(marked) + 3, height }));
  svg.append(make("path", { class: "axis", d: `M0 ${height - 1}H${width}` }));
  const dot = (at) => `M${x(at).toFixed(1)} ${y(values[at]).toFixed(1)}h0.01`;
  const alone = values.flatMap((value, at) => (value !== null && isLone(values, at) ? [dot(at)] : []));
  const last = values.findLastIndex((value) => value !== null);
  svg.append(make("path", { d: pathOf(values, x, y) }), make("path", { class: "alone", d: alone.join("") }));
  if (last >= 0) svg.append(make("path", { class: "last", d: dot(last) }));
  return svg;
}

const isLone = (values, at) => (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;

/** The path through values; it breaks where there is none. */
function pathOf(values, x, y) {
  let [path, pen] = ["", "M"];
  values.forEach((value, at) => {
    if (value !== null) path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = value === null ? "M" : "L";
  });
  return path;
}
