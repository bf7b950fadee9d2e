// The peer octokit: lists to CSV by paginate.iterator, one list after another or all at once.
// node octokit_lists.mjs LIBRARY API_URL FOLDER sequential|parallel LIST...
// LIBRARY is octokit, which throttles and retries, or @octokit/rest, which does neither.
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are in the folder that the command is run in, not beside this file.
const from = createRequire(`${process.cwd()}/package.json`);
const [library, url, folder, mode, ...names] = process.argv.slice(2);
const { Octokit } = await import(pathToFileURL(from.resolve(library)));
const throttle = { onRateLimit: () => true, onSecondaryRateLimit: () => true };
const octokit = new Octokit({ auth: "x", baseUrl: url, throttle });
const { issues, repos, pulls } = octokit.rest;

const LISTS = {
  issues: [issues.listForRepo, { state: "all" }, {
    id: (r) => r.id, number: (r) => r.number, state: (r) => r.state, title: (r) => r.title, body: (r) => r.body,
    author: (r) => r.user?.login, labels: (r) => r.labels.map((label) => label.name), comments: (r) => r.comments,
    created_at: (r) => r.created_at, updated_at: (r) => r.updated_at, closed_at: (r) => r.closed_at,
  }],
  comments: [issues.listCommentsForRepo, {}, {
    id: (r) => r.id, issue: (r) => r.issue_url, author: (r) => r.user?.login, body: (r) => r.body,
    created_at: (r) => r.created_at, updated_at: (r) => r.updated_at,
  }],
  commits: [repos.listCommits, {}, {
    sha: (r) => r.sha, parents: (r) => r.parents.map((parent) => parent.sha), author: (r) => r.author?.login,
    authored_at: (r) => r.commit.author.date, committed_at: (r) => r.commit.committer.date,
    message: (r) => r.commit.message,
  }],
  pulls: [pulls.list, { state: "all" }, {
    id: (r) => r.id, number: (r) => r.number, state: (r) => r.state, title: (r) => r.title, body: (r) => r.body,
    author: (r) => r.user?.login, base: (r) => r.base.ref, head: (r) => r.head.sha,
    merge_commit_sha: (r) => r.merge_commit_sha, created_at: (r) => r.created_at, updated_at: (r) => r.updated_at,
    merged_at: (r) => r.merged_at,
  }],
  events: [issues.listEventsForRepo, {}, {
    id: (r) => r.id, issue: (r) => r.issue?.number, event: (r) => r.event, actor: (r) => r.actor?.login,
    commit: (r) => r.commit_id, created_at: (r) => r.created_at,
  }],
  releases: [repos.listReleases, {}, {
    id: (r) => r.id, tag: (r) => r.tag_name, body: (r) => r.body, created_at: (r) => r.created_at,
    published_at: (r) => r.published_at,
  }],
  labels: [issues.listLabelsForRepo, {}, { name: (r) => r.name, color: (r) => r.color }],
};

function field(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function write(name) {
  const [list, parameters, columns] = LISTS[name];
  const file = createWriteStream(`${folder}/${name}.csv`);
  file.write(`${Object.keys(columns).join(",")}\n`);
  const values = Object.values(columns);
  const pages = octokit.paginate.iterator(list, { owner: "acme", repo: "widgets", per_page: 100, ...parameters });
  for await (const { data } of pages) {
    file.write(data.map((record) => `${values.map((value) => field(value(record))).join(",")}\n`).join(""));
  }
  file.end();
  await once(file, "close");
}

if (mode === "parallel") await Promise.all(names.map(write));
else for (const name of names) await write(name);
