with

deployments as (

    select
        *,
        lag(deployed_at) over (
            partition by service
            order by deployed_at, position
        ) as previous_deployed_at,
        lead(started_at) over (
            partition by service
            order by deployed_at, position
        ) as next_started_at

    from ${mart}.int_deployments
    where
        environment = '${environment}'
        and not is_redeployment

),

request_counts as (

    select
        *,
        date(minute, 'UTC') as utc_date

    from ${mart}.stg_request_counts

),

windows as (

    select
        service,
        deployment_id,
        timestamp_sub(started_at, interval ${request_window_minutes} minute) as earliest,
        previous_deployed_at,
        started_at,
        deployed_at,
        next_started_at,
        timestamp_add(deployed_at, interval ${request_window_minutes} minute) as latest

    from deployments

),

-- by day, so that requests are joined by equality
days as (

    select
        windows.*,
        utc_date

    from windows
    cross join unnest(
        generate_date_array(date(windows.earliest, 'UTC'), date(windows.latest, 'UTC'), interval 1 day)
    ) as utc_date

),

sides as (

    select
        days.service,
        days.deployment_id,
        request_counts.requests,
        request_counts.errors,
        (
            request_counts.minute >= days.earliest
            and (days.previous_deployed_at is null or request_counts.minute >= days.previous_deployed_at)
            and timestamp_add(request_counts.minute, interval 1 minute) <= days.started_at
        ) as is_before,
        (
            request_counts.minute >= days.deployed_at
            and timestamp_add(request_counts.minute, interval 1 minute) <= days.latest
            and (
                days.next_started_at is null
                or timestamp_add(request_counts.minute, interval 1 minute) <= days.next_started_at
            )
        ) as is_after

    from days
    inner join request_counts
        on
            days.service = request_counts.service
            and days.utc_date = request_counts.utc_date

),

counted as (

    select
        service,
        deployment_id,
        cast(sum(if(is_before, requests, 0)) as int64) as requests_before,
        cast(sum(if(is_before, errors, 0)) as int64) as errors_before,
        cast(sum(if(is_after, requests, 0)) as int64) as requests_after,
        cast(sum(if(is_after, errors, 0)) as int64) as errors_after

    from sides
    where
        is_before
        or is_after
    group by service, deployment_id

),

rated as (

    select
        *,
        safe_divide(errors_before, requests_before) as failure_rate_before,
        safe_divide(errors_after, requests_after) as failure_rate_after,
        safe_divide(errors_before + errors_after, requests_before + requests_after) as failure_rate_pooled

    from counted

),

-- twice the logarithm of how much likelier the counts are with two rates than with one: Wilks' G, one degree of freedom
compared as (

    select
        *,
        2 * (
            if(errors_before > 0, errors_before * ln(safe_divide(failure_rate_before, failure_rate_pooled)), 0)
            + if(errors_after > 0, errors_after * ln(safe_divide(failure_rate_after, failure_rate_pooled)), 0)
            + if(
                requests_before > errors_before,
                (requests_before - errors_before) * ln(safe_divide(1 - failure_rate_before, 1 - failure_rate_pooled)),
                0
            )
            + if(
                requests_after > errors_after,
                (requests_after - errors_after) * ln(safe_divide(1 - failure_rate_after, 1 - failure_rate_pooled)),
                0
            )
        ) as g

    from rated

),

tested as (

    select
        *,
        sign(failure_rate_after - failure_rate_before) * sqrt(greatest(g, 0)) as z

    from compared

)

select
    service,
    deployment_id,

    requests_before,
    errors_before,
    requests_after,
    errors_after,
    failure_rate_before,
    failure_rate_after,
    z,

    coalesce(
        requests_before >= ${request_minimum}
        and requests_after >= ${request_minimum}
        and z >= ${request_z}
        and failure_rate_after - failure_rate_before >= ${request_rate_increase},
        false
    ) as is_step

from tested
