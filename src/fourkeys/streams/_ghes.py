"""The streams of GitHub Enterprise Server; octx's columns are the minimum."""

from __future__ import annotations

from fourkeys.streams._model import EXTRACTED_AT, Stream, columns

_SCOPE = """
host text Host name of the GitHub Enterprise Server
repository text Repository as owner/name
"""


def _stream(name: str, description: str, key: str, cursor: str | None, spec: str, scope: str = _SCOPE) -> Stream:
    all_columns = (*columns(scope + spec), EXTRACTED_AT)
    return Stream(name, "ghes", description, tuple(key.split()), all_columns, cursor)


GHES = (
    _stream("ghes_repositories", "A repository", "host repository", "updated_at", """
id int Numeric id of the repository; it survives renames
node_id text GraphQL id; its format changes, never a key
default_branch text Name of the default branch
archived bool Read-only by its owner's choice
fork bool A fork of another repository
private bool Not visible to everyone
pushed_at time Last push to any branch
created_at time When the repository was made
updated_at time Last change of the repository's own record
description text What the owner says it is
language text Main programming language
visibility text public, internal or private
html_url text Page of the repository
"""),
    _stream("ghes_issues", "An issue or a pull request, as GitHub's issues list shows it", "host repository id",
            "updated_at", """
id int Numeric id of the issue
number int Number within the repository, shared with pull requests
is_pull_request bool The row is the issue side of a pull request
state text open or closed
state_reason text completed, not_planned, reopened, duplicate
title text Title
body text Description as written, in Markdown
author_login text Login of the author; NULL for a deleted account
author_id int Numeric id of the author
labels json Names of the labels
assignees json Logins of the assignees
milestone text Title of the milestone
comments int Number of comments
created_at time When it was opened
updated_at time Last change, comments included
closed_at time When it was closed; NULL while open
node_id text GraphQL id; its format changes, never a key
url text API address
repository_url text API address of the repository
labels_url text API address of the labels, a template
comments_url text API address of the comments
events_url text API address of the events
html_url text Page
closed_by_login text Login of who closed it (only where the API says so)
assignee_id int Numeric id of the first assignee
author_association text The author's relation to the repository
locked bool Comments are closed
active_lock_reason text Why comments are closed
pull_request text API address of the pull request, for pull requests
"""),
    _stream("ghes_issue_comments", "A comment on an issue or pull request", "host repository id", "updated_at", """
id int Numeric id of the comment
issue_number int Number of the issue or pull request
author_login text Login of the author; NULL for a deleted account
author_id int Numeric id of the author
body text Text as written, in Markdown
created_at time When it was written
updated_at time Last edit
node_id text GraphQL id; its format changes, never a key
url text API address
html_url text Page
author_association text The author's relation to the repository
"""),
    _stream("ghes_users", "An account of the server", "host id", None, """
login text Name to log in with
id int Numeric id
type text User, Bot or Organization
site_admin bool Administers the server
name text Full name (with --detail)
email text Public e-mail address (with --detail and --with-emails)
company text Company (with --detail)
created_at time When the account was made (with --detail)
updated_at time Last change of the profile (with --detail)
node_id text GraphQL id; its format changes, never a key
avatar_url text Address of the picture
gravatar_id text Gravatar id, mostly empty
url text API address
html_url text Page
followers_url text API address of the followers
following_url text API address of the followed, a template
gists_url text API address of the gists, a template
starred_url text API address of the stars, a template
subscriptions_url text API address of the subscriptions
organizations_url text API address of the organizations
repos_url text API address of the repositories
events_url text API address of the events, a template
received_events_url text API address of the received events
twitter_username text Twitter name (with --detail)
""", "host text Host name of the GitHub Enterprise Server\n"),
    _stream("ghes_labels", "A label of a repository", "host repository id", None, """
id int Numeric id of the label
name text Name
color text Six hexadecimal digits
description text Description
is_default bool Made by GitHub itself
node_id text GraphQL id; its format changes, never a key
url text API address
"""),
    _stream("ghes_issue_events", "Something that happened to an issue or pull request", "host repository id",
            "created_at", """
id int Numeric id of the event
issue_number int Number of the issue or pull request
event text Kind: closed, merged, labeled, referenced ...
actor_login text Login of who did it; NULL for a deleted account
commit_sha text Commit that did or names it
label text Name of the label, for labeled and unlabeled
assignee_login text Login of the assignee, for assigned and unassigned
milestone text Title of the milestone, for milestoned and demilestoned
created_at time When it happened
issue_id int Numeric id of the issue
actor_id int Numeric id of who did it
assignee_id int Numeric id of the assignee
assigner_id int Numeric id of the assigner
review_requester_id int Numeric id of who asked for a review
requested_reviewer_id int Numeric id of who was asked
project_card_url text API address of the project card
commit_url text API address of the commit
node_id text GraphQL id; its format changes, never a key
url text API address
"""),
    _stream("ghes_releases", "A release", "host repository id", "published_at", """
id int Numeric id of the release
tag_name text Tag that the release is made from
target_commitish text Branch or commit that the tag is made from if it does not exist
target_sha text Commit that the tag points to, resolved
name text Title
body text Notes, in Markdown
draft bool Not published
prerelease bool Marked as not ready for production
author_login text Login of the author; NULL for a deleted account
created_at time Date of the tagged commit (not of the release)
published_at time When it was published; NULL for drafts
assets json Attached files as objects with id, name and url
author_id int Numeric id of the author
node_id text GraphQL id; its format changes, never a key
url text API address
html_url text Page
assets_url text API address of the attached files
upload_url text Address to upload files to, a template
tarball_url text Address of the source as tar
zipball_url text Address of the source as zip
"""),
    _stream("ghes_commits", "A commit: of the default branch, or in the ancestry of anything deployed",
            "host repository sha", "committed_at", """
sha text Full hash
parents json Hashes of the parents, in order
author_login text Login of the author; NULL where the e-mail belongs to no account
committer_login text Login of the committer
authored_at time When the change was written (author date)
committed_at time When this commit object was made (committer date)
message text Commit message
author_id int Numeric id of the author
committer_id int Numeric id of the committer
author_email text Author's e-mail address (with --with-emails)
committer_email text Committer's e-mail address (with --with-emails)
comment_count int Number of comments on the commit
node_id text GraphQL id; its format changes, never a key
url text API address
html_url text Page
comments_url text API address of the comments
"""),
    _stream("ghes_pull_requests", "A pull request", "host repository id", "updated_at", """
id int Numeric id of the pull request
number int Number within the repository
state text open or closed
draft bool Not ready for review
title text Title
body text Description, in Markdown
author_login text Login of the author; NULL for a deleted account
labels json Names of the labels
base_ref text Branch that it goes into
head_ref text Branch that it comes from
head_sha text Last commit of its branch
merge_commit_sha text Commit that brought it into the base; NULL until merged
merged_by_login text Login of who merged it
created_at time When it was opened
updated_at time Last change
closed_at time When it was closed or merged
merged_at time When it was merged; NULL if it was not
first_review_at time When the first review was submitted
commits int Number of commits
additions int Lines added
deletions int Lines removed
changed_files int Number of files changed
author_id int Numeric id of the author
node_id text GraphQL id; its format changes, never a key
html_url text Page
"""),
    _stream("ghes_pull_request_commits", "A commit of a pull request's branch", "host repository number sha",
            "committed_at", """
number int Number of the pull request
sha text Full hash
position int Place in the branch, oldest first, from 0
authored_at time When the change was written (author date)
committed_at time When this commit object was made (committer date)
author_login text Login of the author; NULL where the e-mail belongs to no account
message text Commit message
committer_login text Login of the committer
parents json Hashes of the parents, in order
html_url text Page
"""),
    _stream("ghes_pull_request_reviews", "A submitted review of a pull request", "host repository id",
            "submitted_at", """
id int Numeric id of the review
number int Number of the pull request
author_login text Login of the reviewer; NULL for a deleted account
state text APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED
submitted_at time When it was submitted
body text Text, in Markdown
commit_sha text Commit that was reviewed
author_association text The reviewer's relation to the repository
node_id text GraphQL id; its format changes, never a key
html_url text Page
"""),
    _stream("ghes_pull_request_files", "A file that a pull request changes", "host repository number filename", None,
            """
number int Number of the pull request
filename text Path in the repository
status text added, removed, modified, renamed, copied, changed
additions int Lines added
deletions int Lines removed
previous_filename text Path before a rename
"""),
    _stream("ghes_deployments", "A deployment as GitHub records it", "host repository id", "updated_at", """
id int Numeric id of the deployment
sha text Commit deployed
ref text Branch, tag or commit that was asked for
environment text Name of the environment
task text Kind of task, mostly deploy
creator_login text Login of who made it; NULL for a deleted account
created_at time When it was made
updated_at time Last change, status changes included
description text Description
creator_id int Numeric id of who made it
node_id text GraphQL id; its format changes, never a key
url text API address
"""),
    _stream("ghes_deployment_statuses", "A status of a deployment", "host repository id", "created_at", """
id int Numeric id of the status
deployment_id int Numeric id of the deployment
state text error, failure, inactive, in_progress, queued, pending or success
created_at time When the status was set
environment text Name of the environment
description text Description
creator_login text Login of who set it
"""),
    _stream("ghes_workflow_runs", "A run of a GitHub Actions workflow", "host repository id", "created_at", """
id int Numeric id of the run
workflow_id int Numeric id of the workflow
workflow_name text Name of the workflow
head_branch text Branch
head_sha text Commit
event text What started it
status text queued, in_progress or completed
conclusion text success, failure, cancelled ...; NULL until completed
run_attempt int 1 for the first, more for re-runs
created_at time When the run was made
updated_at time Last change
run_started_at time When this attempt started
run_number int Number within the workflow
node_id text GraphQL id; its format changes, never a key
url text API address
html_url text Page
"""),
    _stream("ghes_workflow_jobs", "A job of a workflow run", "host repository id", "started_at", """
id int Numeric id of the job
run_id int Numeric id of the run
name text Name
status text queued, in_progress or completed
conclusion text success, failure, cancelled ...; NULL until completed
started_at time When it started
completed_at time When it ended
head_sha text Commit
node_id text GraphQL id; its format changes, never a key
url text API address
html_url text Page
run_url text API address of the run
check_run_url text API address of the check run
steps json Steps as objects with name, status, conclusion, number, started_at, completed_at
"""),
)
