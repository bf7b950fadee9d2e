-- The stages of pull_request_stages for windows that are no week and no month; the relation of periods names them.
with

periods as (

    select * from ${periods}

),

samples as (

    select
        delivered.service,
        stage.stage,
        stage.hours,
        stage.day

    from ${mart}.pull_requests_delivered as delivered
    cross join unnest([
        struct('coding' as stage, coding_hours as hours, merged_date as day),
        struct('pickup' as stage, pickup_hours as hours, merged_date as day),
        struct('review' as stage, review_hours as hours, merged_date as day),
        struct('deploy' as stage, deploy_hours as hours, deployed_date as day)
    ]) as stage
    where
        stage.hours is not null
        and stage.day is not null

),

measured as (

    select
        periods.grain,
        periods.service,
        periods.period_start,
        samples.stage,
        percentile_cont(samples.hours, 0.5) over (
            partition by periods.grain, periods.service, periods.period_start, samples.stage
        ) as p50,
        percentile_cont(samples.hours, 0.9) over (
            partition by periods.grain, periods.service, periods.period_start, samples.stage
        ) as p90

    from periods
    inner join samples
        on
            periods.service = samples.service
            and samples.day >= periods.period_start
            and samples.day < periods.period_end

)

select
    grain,
    service,
    period_start,
    stage,
    count(*) as pull_requests,
    any_value(p50) as hours_median,
    any_value(p90) as hours_p90

from measured
group by grain, service, period_start, stage
order by grain, service, period_start, stage
