with

weeks as (

    select
        service,
        period_start,
        period_end,
        timestamp(period_end, '${timezone}') as ended_at,
        least(timestamp(period_end, '${timezone}'), ${now}) as seen_at

    from ${mart}.int_periods
    where grain = 'week'

),

four_keys as (

    select * from ${mart}.int_four_keys
    where grain = 'week'

),

repositories as (

    select
        repository,
        max(default_branch) as default_branch

    from ${raw}.ghes_repositories
    group by repository

),

merged as (

    select * from ${mart}.int_pull_requests_merged

),

deployed as (

    select * from ${mart}.int_pull_requests_deployed
    where environment = '${environment}'

),

-- what is on its way: merged into the default branch, as a commit that is known
pull_requests as (

    select
        delivered.service,
        delivered.merged_at,
        delivered.merged_date,
        deployed.deployed_at,
        delivered.deployed_date,
        merged.is_merge_commit_known

    from ${mart}.pull_requests_delivered as delivered
    inner join merged
        on
            delivered.repository = merged.repository
            and delivered.pull_request = merged.pull_request
    left join repositories
        on delivered.repository = repositories.repository
    left join deployed
        on
            delivered.service = deployed.service
            and delivered.repository = deployed.repository
            and delivered.pull_request = deployed.pull_request
    where
        repositories.default_branch is null
        or merged.base_ref is null
        or merged.base_ref = repositories.default_branch

),

merges as (

    select
        service,
        cast(date_trunc(merged_date, week(monday)) as date) as period_start,
        count(*) as merged_pull_requests

    from pull_requests
    group by service, period_start

),

releases as (

    select
        service,
        cast(date_trunc(deployed_date, week(monday)) as date) as period_start,
        count(*) as deployed_pull_requests

    from pull_requests
    where deployed_date is not null
    group by service, period_start

),

waiting as (

    select
        weeks.service,
        weeks.period_start,
        timestamp_diff(weeks.seen_at, pull_requests.merged_at, microsecond) / 3600000000 as age_hours

    from weeks
    inner join pull_requests
        on
            weeks.service = pull_requests.service
            and pull_requests.merged_at < weeks.seen_at
            and (pull_requests.deployed_at is null or pull_requests.deployed_at >= weeks.seen_at)
    where pull_requests.is_merge_commit_known

),

ages as (

    select
        service,
        period_start,
        count(*) as undeployed_pull_requests,
        any_value(median_hours) as undeployed_age_hours_median,
        max(age_hours) as undeployed_age_hours_max

    from (
        select
            *,
            percentile_cont(age_hours, 0.5) over (partition by service, period_start) as median_hours

        from waiting
    ) as aged
    group by service, period_start

)

select
    four_keys.service,
    four_keys.owner,
    four_keys.period_start,
    four_keys.period_end,

    coalesce(merges.merged_pull_requests, 0) as merged_pull_requests,
    four_keys.deployments,
    coalesce(releases.deployed_pull_requests, 0) as deployed_pull_requests,
    coalesce(ages.undeployed_pull_requests, 0) as undeployed_pull_requests,
    ages.undeployed_age_hours_median,
    ages.undeployed_age_hours_max,

    four_keys.is_partial

from four_keys
left join merges
    on
        four_keys.service = merges.service
        and four_keys.period_start = merges.period_start
left join releases
    on
        four_keys.service = releases.service
        and four_keys.period_start = releases.period_start
left join ages
    on
        four_keys.service = ages.service
        and four_keys.period_start = ages.period_start
