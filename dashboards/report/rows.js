// The rows behind the figures.

const PAGE = 10;

/** Columns of a table: title, what stands in the cell, and how it looks: a number, or short text that is not broken. */
const COLUMNS = {
  deployments: [
    ["deployed_at", (row) => row.deployed_at, "short"],
    ["service", (row) => row.service],
    ["version", (row) => link(row.url, row.ref || row.deployment_id), "short"],
    ["commit", (row) => row.sha && link(commitAddress(row), row.sha.slice(0, 8)), "short"],
    ["kind", (row) => word("kind_", row.kind), "short"],
    ["changes", (row) => datum("count", row.changes), "number"],
    ["failed_by", (row) => rules(row.failed_by, "rule_")],
    ["recovery_short", (row) => (row.is_failed ? datum("hours", row.recovery_hours) : ""), "number"],
    ["rework_by", (row) => rules(row.rework_by, "rework_")],
  ],
  incidents: [
    ["started_at", (row) => row.started_at, "short"],
    ["service", (row) => row.service],
    ["incident", (row) => link(row.url, row.title || row.incident_id), "text"],
    ["severity", (row) => row.severity ?? "", "short"],
    ["resolved_at", (row) => row.resolved_at ?? make("span", { class: "tag" }, say(row.is_dirty ? "dirty" : "open")), "short"],
    ["restore", (row) => datum("hours", row.restore_hours), "number"],
    ["linked_by", (row) => (row.linked_by ? [word("linked_", row.linked_by), row.deployment_ref ? `: ${row.deployment_ref}` : ""] : say(row.is_change_related ? "linked_none" : "not_change_related"))],
  ],
  undeployed_pull_requests: [
    ["merged_at", (row) => row.merged_at, "short"],
    ["service", (row) => row.service],
    ["pull_request", (row) => link(row.url, `#${row.pull_request} ${row.title ?? ""}`), "text"],
    ["repository", (row) => row.repository],
    ["waiting", (row) => datum("hours", row.waiting_hours), "number"],
  ],
  data_quality: [
    ["severity", (row) => make("span", { class: "tag " + (row.severity === "error" ? "bad" : "") }, word("severity_", row.severity)), "short"],
    ["check", (row) => [word("check_", row.check), make("small", {}, row.check)], "text"],
    ["service", (row) => row.service ?? "", "short"],
    ["count", (row) => datum("count", row.count), "number"],
    ["example", (row) => row.example ?? "", "text"],
  ],
};

const word = (prefix, value) => words[prefix + value] ?? value ?? "";
const rules = (text, prefix) => (text ? text.split(",").map((rule) => make("span", { class: "tag " + (prefix === "rule_" ? "bad" : "") }, word(prefix, rule))) : "");
const commitAddress = (row) => (data.meta.web && row.repository ? `${data.meta.web}/${row.repository}/commit/${row.sha}` : null);

/** The rows of a table, `size` of them at first: its body, how many are shown, and the button for more. */
function growing(rows, size, makeRow) {
  const body = make("tbody");
  const status = make("p", { class: "status", role: "status" });
  const more = make("button", { type: "button", onclick: () => add() }, say("more"));
  const add = () => {
    body.append(...rows.slice(body.childElementCount, body.childElementCount + size).map(makeRow));
    status.textContent = !rows.length ? say("none_found") : say("rows_shown", { shown: number(body.childElementCount), all: number(rows.length) });
    more.hidden = body.childElementCount >= rows.length;
  };
  add();
  return { body, foot: [status, more] };
}

function rowsTable(name, rows) {
  const columns = COLUMNS[name];
  const head = make("tr", {}, columns.map(([title, , look]) => make("th", { scope: "col", class: look }, say(title))));
  const { body, foot } = growing(rows, PAGE, (row) =>
    make("tr", { "data-row": row.deployment_id ?? row.incident_id ?? row.pull_request ?? row.check },
      columns.map(([, cell, look]) => make("td", { class: look }, cell(row) ?? ""))));
  return [rows.length ? make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say(name) + ": " + say("table") }, make("table", { "data-table": name }, make("thead", {}, head), body)) : null, foot];
}

const SHOW = {
  all: () => true,
  failed: (columns, place) => columns.is_failed[place],
  rework: (columns, place) => columns.is_rework[place],
  recovered: (columns, place) => columns.recovered_date[place] !== null,
};

function deploymentsSection(period, names) {
  const day = state.show === "recovered" ? "recovered_date" : "deployed_date";
  const inPeriod = (columns, place) => columns[day][place] >= period.from && columns[day][place] < period.to;
  const rows = data.rows("deployments", (columns, place) => names.has(columns.service[place]) && SHOW[state.show](columns, place) && inPeriod(columns, place));
  const choice = make("label", { class: "choice" }, say("show") + " ", make("select", { id: "show", onchange: (event) => choose({ show: event.target.value }) },
    Object.keys(SHOW).map((each) => make("option", { value: each, selected: each === state.show }, say("show_" + each)))));
  return section("deployments", say("deployments"), [periodText(period), say("deployments_note")].join(" · "), choice, rows ? rowsTable("deployments", rows) : notBuilt());
}

function incidentsSection(period, names) {
  const rows = data.rows("incidents", (columns, place) =>
    (names.has(columns.service[place]) || (columns.service[place] === "unmapped" && names.size === data.services.length)) &&
    columns.started_date[place] < period.to && (columns.resolved_date[place] === null || columns.resolved_date[place] >= period.from));
  return section("incidents", say("incidents"), [periodText(period), say("incidents_note")].join(" · "), rows ? rowsTable("incidents", rows) : notBuilt());
}

function waitingSection(names) {
  const rows = data.rows("undeployed_pull_requests", (columns, place) => names.has(columns.service[place]));
  return section("undeployed", say("undeployed_pull_requests"), say("undeployed_note", { when: data.meta.now }), rows ? rowsTable("undeployed_pull_requests", rows) : notBuilt());
}

function qualitySection(names) {
  const rows = data.rows("data_quality", (columns, place) => !columns.service[place] || names.has(columns.service[place]) || !data.scopesById.has(columns.service[place]));
  return section("quality", say("data_quality"), say("quality_note"), rows ? rowsTable("data_quality", rows) : notBuilt());
}

/** The way to each section below, with what there needs eyes: what waits longest, what is open, the worst finding. */
function sectionsNav(names) {
  const first = (table, test) => data.rows(table, (columns, place) => names.has(columns.service[place]) && test(columns, place))?.[0];
  const waiting = first("undeployed_pull_requests", () => true);
  const open = first("incidents", (columns, place) => columns.resolved_date[place] === null);
  const wrong = first("data_quality", (columns, place) => columns.severity[place] === "error");
  const hints = {
    undeployed: waiting && [say("oldest") + " ", datum("hours", waiting.waiting_hours)],
    incidents: open && say("open"), quality: wrong && word("severity_", wrong.severity),
  };
  const titles = { charts: "charts_title", stages: "stages_title", undeployed: "undeployed_pull_requests", deployments: "deployments", incidents: "incidents", quality: "data_quality", definitions: "definitions" };
  return make("nav", { "aria-label": say("on_this_page") }, Object.entries(titles).map(([id, title]) =>
    make("button", { type: "button", id: "to-" + id, onclick: () => go(id + "-title") }, say(title), hints[id] && make("span", { class: "tag" }, hints[id]))));
}

const notBuilt = () => make("p", {}, say("not_built"));

/** Go from a card to the rows that made its number. */
function showRows(key) {
  const show = { failure_rate: "failed", recovery: "recovered", rework: "rework" }[key] ?? "all";
  choose({ show });
  go("deployments-title");
}

function showDefinition(key) {
  const definition = document.getElementById("definition-" + key);
  definition.open = true;
  go(definition.firstElementChild);
}

function go(to) {
  const target = typeof to === "string" ? document.getElementById(to) : to;
  if (!target) return;
  target.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  target.focus({ preventScroll: true });
}
