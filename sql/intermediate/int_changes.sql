with

deployment_commits as (

    select * from ${raw}.deployment_commits

),

deployments as (

    select * from ${mart}.int_deployments

),

commits as (

    select * from ${mart}.stg_commits

),

-- read apart: what is read twice is copied
merge_commits as (

    select * from ${mart}.stg_commits
    where count_parents >= 2

),

pull_requests as (

    select * from ${mart}.int_pull_requests_merged

),

pull_request_commits as (

    select * from ${mart}.stg_pull_request_commits

),

pull_requests_elsewhere as (

    select * from ${mart}.stg_pull_requests_elsewhere

),

squashes as (

    select
        repository,
        merge_commit_sha,
        min(pull_request) as pull_request

    from pull_requests
    where merge_method = 'squash'
    group by repository, merge_commit_sha

),

graph_changes as (

    select
        deployment_commits.service,
        deployment_commits.environment,
        deployment_commits.deployment_id,
        deployment_commits.repository,
        deployment_commits.sha,
        cast(null as int64) as pull_request,
        commits.authored_at,
        commits.committed_at

    from deployment_commits
    inner join commits
        on
            deployment_commits.repository = commits.repository
            and deployment_commits.sha = commits.sha
    left join squashes
        on
            deployment_commits.repository = squashes.repository
            and deployment_commits.sha = squashes.merge_commit_sha
    where
        commits.count_parents <= 1
        and squashes.merge_commit_sha is null

),

-- merge commits of branches whose parents only the history tells
branch_merges as (

    select distinct
        merge_commits.repository,
        merge_commits.sha

    from pull_request_commits
    inner join merge_commits
        on
            pull_request_commits.repository = merge_commits.repository
            and pull_request_commits.sha = merge_commits.sha
    where pull_request_commits.count_parents is null

),

branch_commits as (

    select
        squashes.repository,
        squashes.merge_commit_sha,
        squashes.pull_request,
        pull_request_commits.sha,
        pull_request_commits.authored_at,
        pull_request_commits.committed_at

    from squashes
    inner join pull_request_commits
        on
            squashes.repository = pull_request_commits.repository
            and squashes.pull_request = pull_request_commits.pull_request
    left join branch_merges
        on
            pull_request_commits.repository = branch_merges.repository
            and pull_request_commits.sha = branch_merges.sha
    where
        coalesce(pull_request_commits.count_parents, 1) <= 1
        and branch_merges.sha is null

),

-- what is squashed may have been squashed before, into the branch
squashed_twice as (

    select
        pull_request_commits.repository,
        pull_request_commits.pull_request as outer_pull_request,
        pull_request_commits.sha,
        squashes.pull_request

    from pull_request_commits
    inner join squashes
        on
            pull_request_commits.repository = squashes.repository
            and pull_request_commits.sha = squashes.merge_commit_sha
    where pull_request_commits.pull_request != squashes.pull_request

),

originals as (

    select branch_commits.*

    from branch_commits
    left join squashed_twice
        on
            branch_commits.repository = squashed_twice.repository
            and branch_commits.pull_request = squashed_twice.outer_pull_request
            and branch_commits.sha = squashed_twice.sha
    where squashed_twice.sha is null
    union all
    select
        squashes.repository,
        squashes.merge_commit_sha,
        branch_commits.pull_request,
        branch_commits.sha,
        branch_commits.authored_at,
        branch_commits.committed_at

    from squashed_twice
    inner join squashes
        on
            squashed_twice.repository = squashes.repository
            and squashed_twice.outer_pull_request = squashes.pull_request
    inner join branch_commits
        on
            squashed_twice.repository = branch_commits.repository
            and squashed_twice.pull_request = branch_commits.pull_request

),

squashed_changes as (

    select
        deployment_commits.service,
        deployment_commits.environment,
        deployment_commits.deployment_id,
        deployment_commits.repository,
        originals.sha,
        originals.pull_request,
        originals.authored_at,
        originals.committed_at

    from deployment_commits
    inner join originals
        on
            deployment_commits.repository = originals.repository
            and deployment_commits.sha = originals.merge_commit_sha

),

all_changes as (

    select * from graph_changes
    union all
    select * from squashed_changes

),

-- nearly all commits come once, and need not be put in order
repeated as (

    select
        service,
        environment,
        sha

    from all_changes
    group by service, environment, sha
    having count(*) > 1

),

first_of_repeated as (

    select all_changes.*

    from all_changes
    inner join repeated
        on
            all_changes.service = repeated.service
            and all_changes.environment = repeated.environment
            and all_changes.sha = repeated.sha
    inner join deployments
        on
            all_changes.service = deployments.service
            and all_changes.environment = deployments.environment
            and all_changes.deployment_id = deployments.deployment_id
    qualify
        row_number() over (
            partition by all_changes.service, all_changes.environment, all_changes.sha
            order by deployments.position, all_changes.pull_request
        ) = 1

),

first_changes as (

    select all_changes.*

    from all_changes
    left join repeated
        on
            all_changes.service = repeated.service
            and all_changes.environment = repeated.environment
            and all_changes.sha = repeated.sha
    where repeated.sha is null
    union all
    select * from first_of_repeated

),

first_deployments as (

    select
        first_changes.service,
        deployments.owner,
        first_changes.environment,
        first_changes.repository,
        first_changes.sha,
        first_changes.deployment_id,
        first_changes.pull_request,
        deployments.base,
        deployments.deployed_date,
        first_changes.authored_at,
        first_changes.committed_at,
        deployments.deployed_at

    from first_changes
    inner join deployments
        on
            first_changes.service = deployments.service
            and first_changes.environment = deployments.environment
            and first_changes.deployment_id = deployments.deployment_id

),

-- of the merged pull requests that have a commit, the first one
carriers as (

    select
        pull_request_commits.repository,
        pull_request_commits.sha,
        min(pull_request_commits.pull_request) as pull_request

    from pull_request_commits
    inner join pull_requests
        on
            pull_request_commits.repository = pull_requests.repository
            and pull_request_commits.pull_request = pull_requests.pull_request
    group by pull_request_commits.repository, pull_request_commits.sha

),

started as (

    select
        first_deployments.service,
        first_deployments.owner,
        first_deployments.environment,
        first_deployments.repository,
        first_deployments.sha,
        first_deployments.deployment_id,
        coalesce(first_deployments.pull_request, carriers.pull_request, merges.pull_request) as pull_request,
        first_deployments.base,
        first_deployments.deployed_date,
        first_deployments.authored_at,
        first_deployments.committed_at,
        case
            when first_deployments.authored_at <= first_deployments.deployed_at then first_deployments.authored_at
            when first_deployments.committed_at <= first_deployments.deployed_at then first_deployments.committed_at
        end as started_at,
        first_deployments.deployed_at

    from first_deployments
    left join carriers
        on
            first_deployments.repository = carriers.repository
            and first_deployments.sha = carriers.sha
    left join (
        select
            repository,
            merge_commit_sha,
            min(pull_request) as pull_request

        from pull_requests
        group by repository, merge_commit_sha
    ) as merges
        on
            first_deployments.repository = merges.repository
            and first_deployments.sha = merges.merge_commit_sha

),

judged as (

    select
        started.*,
        case
            when started.base != 'ok' then started.base
            when pull_requests_elsewhere.service is not null then 'elsewhere'
            when started.started_at is null then 'clock_skew'
            else 'ok'
        end as quality

    from started
    left join pull_requests_elsewhere
        on
            started.service = pull_requests_elsewhere.service
            and started.repository = pull_requests_elsewhere.repository
            and started.pull_request = pull_requests_elsewhere.pull_request

)

select
    *,
    if(
        quality = 'ok',
        timestamp_diff(deployed_at, started_at, microsecond) / 3600000000,
        null
    ) as lead_time_hours

from judged
