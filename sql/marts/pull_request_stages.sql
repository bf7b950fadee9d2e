with

pull_requests as (

    select * from ${mart}.pull_requests_delivered

),

samples as (

    select
        pull_requests.service,
        pull_requests.owner,
        stage.position,
        stage.stage,
        stage.hours,
        stage.day

    from pull_requests
    cross join unnest([
        struct(1 as position, 'coding' as stage, coding_hours as hours, merged_date as day),
        struct(2 as position, 'pickup' as stage, pickup_hours as hours, merged_date as day),
        struct(3 as position, 'review' as stage, review_hours as hours, merged_date as day),
        struct(4 as position, 'deploy' as stage, deploy_hours as hours, deployed_date as day),
        struct(5 as position, 'time_to_merge' as stage, time_to_merge_hours as hours, merged_date as day),
        struct(6 as position, 'time_to_release' as stage, time_to_release_hours as hours, deployed_date as day)
    ]) as stage
    where
        stage.hours is not null
        and stage.day is not null

),

periods as (

    select
        samples.*,
        'week' as grain,
        cast(date_trunc(day, week(monday)) as date) as period_start

    from samples
    union all
    select
        samples.*,
        'month' as grain,
        cast(date_trunc(day, month) as date) as period_start

    from samples

)

select
    grain,
    service,
    any_value(owner) as owner,
    period_start,
    stage,

    cast(any_value(position) as int64) as position,
    count(*) as pull_requests,
    sum(cast(round(hours * 3600000000) as int64)) / 3600000000 as hours_sum,
    safe_divide(sum(cast(round(hours * 3600000000) as int64)) / 3600000000, count(*)) as hours_mean,
    any_value(p50) as hours_median,
    any_value(p75) as hours_p75,
    any_value(p90) as hours_p90

from (
    select
        *,
        percentile_cont(hours, 0.5) over (
            partition by grain, service, period_start, stage
        ) as p50,
        percentile_cont(hours, 0.75) over (
            partition by grain, service, period_start, stage
        ) as p75,
        percentile_cont(hours, 0.9) over (
            partition by grain, service, period_start, stage
        ) as p90

    from periods
) as measured
group by grain, service, period_start, stage
