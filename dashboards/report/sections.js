// The charts below the cards, and the lead time's stages.

const FEWEST = { day: 56, week: 26, month: 12 };
const APART = 3;
const STAGES = ["coding", "pickup", "review", "deploy"];

/** The periods that charts show: the chosen one, and enough before it to see a trend. */
function chartStarts(period, grain = state.by) {
  const last = periodStart(grain, dayNumber(period.to) - 1);
  const first = Math.min(periodStart(grain, dayNumber(period.from)), periodStart(grain, last, 1 - FEWEST[grain]));
  const count = periodIndex(grain, first, last) + 1;
  return Array.from({ length: count }, (_, place) => periodStart(grain, first, place));
}

/** The periods of the small trends: weeks or months, which roll-ups have too. */
const trendGrain = () => (state.by === "month" ? "month" : "week");
const trendStarts = (period) => chartStarts(period, trendGrain()).slice(-FEWEST[trendGrain()]);

function chartBase(id, kind, period, grain = state.by) {
  return {
    id, kind, grain, title: say("chart_" + id, { by: say("per_grain_" + grain) }), starts: chartStarts(period, grain),
    mark: [periodStart(grain, dayNumber(period.from)), dayNumber(period.to)],
  };
}

/** The scopes that a chart draws: what the cards are about, else the chosen services, each in its own colour. */
function chartScopes() {
  const services = chosenServices();
  const whole = cardScope();
  if (whole && data.series[state.by]?.[whole.id]) return { scopes: [whole], note: null };
  if (services.length <= SERIES) return { scopes: services, note: null };
  return { scopes: services.slice(0, SERIES), note: say("chart_first", { n: SERIES }) };
}

/** What a figure is counted over. */
const OVER = {
  lead_time_hours_median: "changes", lead_time_hours_p90: "changes", change_failure_rate: "deployments", deployment_rework_rate: "deployments",
  failed_deployment_recovery_hours_median: "recovered_failures", time_to_restore_hours_median: "restored_incidents",
};

function scopeLine(scope, name, starts, style, label) {
  return {
    name: label ?? scopeName(scope),
    style,
    values: data.line(state.by, scope.id, name, starts),
    n: OVER[name] && data.line(state.by, scope.id, OVER[name], starts),
    partial: data.line(state.by, scope.id, "is_partial", starts),
  };
}

function bandsOf(key) {
  const bands = data.levels[state.levels]?.[key] ?? [];
  return bands.map(([name, low, high], place) => ({
    name, low, high, class: "band" + place,
  }));
}

function keyCharts(period) {
  const { scopes, note } = chartScopes();
  const one = scopes.length === 1 ? scopes[0] : null;
  const draw = (id, kind, each, singles) => {
    const chart = { ...chartBase(id, kind, period), note, bands: id === "frequency" ? [] : bandsOf(id) };
    chart.lines = one
      ? singles.map(([name, style, label]) => scopeLine(one, name, chart.starts, style, say(label)))
      : scopes.map((scope, place) => scopeLine(scope, each, chart.starts, "s" + (place + 1)));
    if (one && id === "frequency") Object.assign(chart, { bars: true, stacked: true });
    return figure(chart);
  };
  return [
    draw("frequency", "count", "deployments", [["deployments", "s1", "deployments"], ["failed_deployments", "bad", "failed"]]),
    draw("lead_time", "hours", "lead_time_hours_median", [["lead_time_hours_median", "s1", "median"], ["lead_time_hours_p90", "s2", "p90"]]),
    draw("failure_rate", "rate", "change_failure_rate", [["change_failure_rate", "s1", "failure_rate"]]),
    draw("recovery", "hours", "failed_deployment_recovery_hours_median", [["failed_deployment_recovery_hours_median", "s1", "recovery"], ["time_to_restore_hours_median", "s2", "restore"]]),
    draw("rework", "rate", "deployment_rework_rate", [["deployment_rework_rate", "s1", "rework"]]),
  ];
}

/** Rows of a table by scope and day, found once. */
const indexes = new Map();
function indexed(name, day) {
  if (!indexes.has(name)) {
    const [found, columns] = [new Map(), data.tables[name]];
    columns.service?.forEach((service, place) => {
      if (!found.has(service)) found.set(service, new Map());
      found.get(service).set(dayNumber(columns[day][place]), place);
    });
    indexes.set(name, found);
  }
  return indexes.get(name);
}

const tableLine = (name, day, scope, column, starts) => {
  const rows = indexed(name, day).get(scope.id);
  return starts.map((start) => (rows?.has(start) ? data.tables[name][column][rows.get(start)] : null));
};

/** Merges beside deployments, a chart for each of the first services: side by side they would be no picture. */
function mergesCharts(period) {
  if (!data.tables.merges_against_deployments) return [];
  const services = chosenServices();
  return services.slice(0, APART).map((scope) => {
    const chart = { ...chartBase("merges", "count", period, "week"), bars: true };
    if (services.length > 1) Object.assign(chart, { id: "merges-" + scope.id, title: `${scope.name}: ${chart.title}` });
    if (services.length > APART) chart.note = say("chart_first", { n: APART });
    chart.lines = ["merged_pull_requests", "deployments"].map((name, place) => ({
      name: say(name), style: "s" + (place + 1),
      values: tableLine("merges_against_deployments", "week_start", scope, name, chart.starts),
      partial: tableLine("merges_against_deployments", "week_start", scope, "is_partial", chart.starts),
    }));
    return figure(chart);
  });
}

function requestsChart(period) {
  if (!data.tables.request_health) return null;
  const known = indexed("request_health", "date");
  const scopes = chosenServices().filter((each) => known.has(each.id)).slice(0, SERIES);
  if (!scopes.length) return null;
  const chart = { ...chartBase("requests", "rate", period, "day"), least: 0.005, named: true };
  chart.lines = scopes.map((scope, place) => ({
    name: scopeName(scope), style: "s" + (place + 1),
    values: tableLine("request_health", "date", scope, "failed_request_rate", chart.starts),
  }));
  return figure(chart);
}

/** What the stages of a service took in a period, by stage. */
function stageRows(scope, period) {
  const columns = data.tables.lead_time_stages;
  if (!indexes.has("stages")) {
    const found = new Map();
    columns.service?.forEach((service, place) =>
      found.set([columns.grain[place], service, columns.period_start[place], columns.stage[place]].join(" "), place));
    indexes.set("stages", found);
  }
  const grain = period.kind === "window" ? period.id : period.kind;
  return Object.fromEntries(STAGES.map((stage) => {
    const place = indexes.get("stages").get([grain, scope.id, period.from, stage].join(" "));
    return [stage, place === undefined ? null
      : { n: columns.pull_requests[place], median: columns.hours_median[place], p90: columns.hours_p90[place] }];
  }));
}

function stagesSection(period) {
  if (!data.tables.lead_time_stages) return null;
  const rows = chosenServices().map((scope) => [scope, stageRows(scope, period)]);
  const most = Math.max(...rows.flatMap(([, stages]) => STAGES.map((stage) => stages[stage]?.p90 ?? 0)), 1);
  const cell = (found, stage) => make("td", { "data-stage": stage },
    datum("hours", found?.median, { "data-figure": "hours_median" }), stageBar(found, most),
    make("small", {}, "p90 ", datum("hours", found?.p90, { "data-figure": "hours_p90" }), ` · n ${number(found?.n ?? 0)}`));
  const head = make("tr", {}, make("th", { scope: "col" }, say("service")),
    STAGES.map((stage) => make("th", { scope: "col" }, say("stage_" + stage), make("small", {}, say(`stage_${stage}_is`)))));
  const { body, foot } = growing(rows, BESIDE, ([scope, stages]) => make("tr", { "data-service": scope.id },
    make("th", { scope: "row" }, scope.name), STAGES.map((stage) => cell(stages[stage], stage))));
  return section("stages", say("stages_title"), [periodText(period), say("stages_note")].join(" · "), scrollTable(say("stages_title"), head, body), rows.length > BESIDE && foot);
}

/** The median of each stage of one service over time. */
function stagesChart(period) {
  const services = chosenServices();
  if (!data.tables.lead_time_stages || services.length !== 1) return null;
  const chart = chartBase("stages", "hours", period, state.by === "month" ? "month" : "week");
  const rows = chart.starts.map((start) => stageRows(services[0], { kind: chart.grain, from: dayText(start) }));
  chart.lines = STAGES.map((stage, place) => ({
    name: say("stage_" + stage), style: "s" + (place + 1), values: rows.map((stages) => stages[stage]?.median ?? null),
  }));
  return figure(chart);
}

function stageBar(found, most) {
  const x = (value) => ((value / most) * 100).toFixed(1);
  const svg = make("svg", { class: "stage", viewBox: "0 0 100 8", "aria-hidden": "true", preserveAspectRatio: "none" });
  if (found) svg.append(make("rect", { class: "p90", width: x(found.p90), height: 8 }), make("rect", { class: "median", width: x(found.median), height: 8 }));
  return svg;
}

const section = (id, title, note, ...children) =>
  make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title", tabindex: -1 }, title), note && make("p", { class: "sub" }, note), children);

const scrollTable = (label, head, body) =>
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label + ": " + say("table") },
    make("table", {}, make("thead", {}, head), body));

function chartsSection(period) {
  const charts = [...keyCharts(period), stagesChart(period), ...mergesCharts(period), requestsChart(period)].filter(Boolean);
  const whole = chartScopes().scopes.some((each) => each.kind !== "service");
  return section("charts", say("charts_title"), [whole && say("chart_rollup"), say("charts_note")].filter(Boolean).join(" "), make("div", { class: "charts" }, charts));
}
