-- Table: pull requests that are merged into the default branch and not yet deployed, the oldest 20 of each service first.
with

delivered as (

    select * from ${mart}.pull_requests_delivered
    where not is_deployed

),

merged as (

    select * from ${mart}.int_pull_requests_merged

),

commits as (

    select * from ${mart}.stg_commits

),

repositories as (

    select
        repository,
        max(default_branch) as default_branch

    from ${raw}.ghes_repositories
    group by repository

)

select
    delivered.service,
    delivered.owner,
    delivered.merged_date,
    delivered.merged_at,
    delivered.repository,
    delivered.pull_request,
    delivered.title,
    delivered.url,
    timestamp_diff(${now}, delivered.merged_at, microsecond) / 3600000000 as waiting_hours

from delivered
inner join merged
    on
        delivered.repository = merged.repository
        and delivered.pull_request = merged.pull_request
inner join commits
    on
        merged.repository = commits.repository
        and merged.merge_commit_sha = commits.sha
left join repositories
    on delivered.repository = repositories.repository
where
    repositories.default_branch is null
    or delivered.base_ref is null
    or delivered.base_ref = repositories.default_branch
qualify row_number() over (
    partition by delivered.service
    order by delivered.merged_at, delivered.repository, delivered.pull_request
) <= 20
order by delivered.merged_at, delivered.service, delivered.repository, delivered.pull_request
