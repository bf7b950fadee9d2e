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
  const [inner, tall] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
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
  for (const band of chart.bands ?? []) svg.append(...drawBand(band, y, top, width));
  for (const step of steps)
    svg.append(
      make("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(step), y2: y(step) }),
      make("text", { class: "tick", x: MARGIN.left - 6, y: y(step) + 4, "text-anchor": "end" }, axis.write(step)),
    );
  svg.append(...timeTicks(starts, x, width, chart.grain));
  lines.forEach((line, place) => svg.append(chart.bars ? drawBars(line, place, x, y, slot, chart) : drawLine(line, x, y, chart)));
  if (!values.length)
    svg.append(make("text", { class: "empty", x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, say("no_data")));
  return svg;
}

function drawBand(band, y, top, width) {
  const [low, high] = [band.low, band.high ?? Infinity];
  if (low > top) return [];
  const [upper, lower] = [y(Math.min(high, top)), y(low)];
  const attributes = { class: "band " + band.class, x: MARGIN.left, width: width - MARGIN.left - MARGIN.right };
  const shape = low === high
    ? make("line", { class: "level", x1: MARGIN.left, x2: width - MARGIN.right, y1: upper, y2: upper })
    : make("rect", { ...attributes, y: upper, height: Math.max(lower - upper, 1) });
  if (low !== high && lower - upper < 12) return [shape];
  return [shape, make("text", { class: "bandname", x: width - MARGIN.right - 4, y: upper + 11, "text-anchor": "end" }, band.name)];
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
      class: line.partial?.[at] ? "partial" : null,
    }, tip(chart, line, at)));
  });
  return group;
}

/** A line that breaks where there is no value; periods that are not over are hollow dots. */
function drawLine(line, x, y, chart) {
  const group = make("g", { class: "line " + line.style });
  let path = "";
  let pen = "M";
  line.values.forEach((value, at) => {
    if (value === null) pen = "M";
    else {
      path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    }
  });
  group.append(make("path", { d: path }));
  const dots = line.values.length <= 120;
  line.values.forEach((value, at) => {
    const lone = (line.values[at - 1] ?? null) === null && (line.values[at + 1] ?? null) === null;
    if (value === null || (!dots && !lone)) return;
    group.append(make("circle", {
      cx: x(at).toFixed(1), cy: y(value).toFixed(1), r: 2.6, class: line.partial?.[at] ? "partial" : null,
    }, tip(chart, line, at)));
  });
  return group;
}

const tip = (chart, line, at) =>
  make("title", {}, `${line.name}, ${periodLabel(chart.grain, chart.starts[at])}: ${shown(chart.kind, line.values[at])}` +
    (line.partial?.[at] ? ` (${say("partial")})` : ""));

const periodLabel = (grain, start) =>
  grain === "week" ? say("week_of", { day: date(dayText(start)) })
    : date(dayText(start), grain === "month" ? { month: "long", year: "numeric" } : undefined);

const describe = (chart) =>
  `${chart.title}. ${chart.lines.map((line) => line.name).join(", ")}. ` +
  say("chart_label", { from: date(dayText(chart.starts[0])), to: date(dayText(chart.starts.at(-1))) });

/** A chart with its title, legend, and the table of its values. */
function figure(chart) {
  const legend = chart.lines.length > 1 &&
    make("p", { class: "legend" }, chart.lines.map((line) => make("span", { class: line.style }, line.name)));
  const place = make("div", { class: "plot" });
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

/** A trend without axes, for cards and tables; what it shows is in the charts below, with their tables. */
function sparkline(values, width = 120, height = 30) {
  const known = values.filter((value) => value !== null);
  const svg = make("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
  if (!known.length) return svg;
  const top = Math.max(...known) || 1;
  const x = (at) => 3 + (at * (width - 6)) / Math.max(values.length - 1, 1);
  const y = (value) => height - 3 - (value / top) * (height - 6);
  let path = "";
  let pen = "M";
  for (const [at, value] of values.entries()) {
    if (value === null) pen = "M";
    else {
      path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      if ((values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) path += "h0.01";
      pen = "L";
    }
  }
  const last = values.findLastIndex((value) => value !== null);
  svg.append(make("path", { d: path }), make("circle", { cx: x(last), cy: y(values[last]), r: 2.5 }));
  return svg;
}
