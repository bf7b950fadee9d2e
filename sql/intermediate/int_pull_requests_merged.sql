with

commits as (

    select * from ${mart}.stg_commits

),

pull_requests as (

    select
        pull_requests.*,
        commits.authored_at,
        commits.count_parents,
        commits.sha is not null as is_merge_commit_known

    from ${mart}.stg_pull_requests as pull_requests
    left join commits
        on
            pull_requests.repository = commits.repository
            and pull_requests.merge_commit_sha = commits.sha

),

pull_request_commits as (

    select * from ${mart}.stg_pull_request_commits

),

branches as (

    select
        pull_requests.repository,
        pull_requests.pull_request,
        count(*) as count_commits,
        min(pull_request_commits.authored_at) as first_authored_at,
        coalesce(
            max(pull_request_commits.position) = max(
                if(pull_request_commits.sha = pull_requests.merge_commit_sha, pull_request_commits.position, null)
            ),
            false
        ) as ends_at_merge_commit,
        coalesce(
            logical_or(
                pull_request_commits.authored_at = pull_requests.authored_at
                and pull_request_commits.sha != pull_requests.merge_commit_sha
            ),
            false
        ) as shares_author_time

    from pull_requests
    inner join pull_request_commits
        on
            pull_requests.repository = pull_request_commits.repository
            and pull_requests.pull_request = pull_request_commits.pull_request
    group by pull_requests.repository, pull_requests.pull_request

)

select
    pull_requests.repository,
    pull_requests.pull_request,
    pull_requests.merge_commit_sha,

    pull_requests.title,
    pull_requests.html_url as url,
    pull_requests.base_ref,
    pull_requests.head_ref,
    pull_requests.labels,
    case
        when pull_requests.count_parents >= 2 then 'merge'
        when branches.count_commits is null then 'unknown'
        when branches.ends_at_merge_commit then 'fast_forward'
        when branches.count_commits > 1 and branches.shares_author_time then 'rebase'
        else 'squash'
    end as merge_method,

    coalesce(branches.count_commits, 0) as count_commits,

    pull_requests.is_merge_commit_known,

    branches.first_authored_at,
    pull_requests.opened_at,
    pull_requests.first_review_at,
    pull_requests.merged_at

from pull_requests
left join branches
    on
        pull_requests.repository = branches.repository
        and pull_requests.pull_request = branches.pull_request
