with

services as (

    select * from ${raw}.services

),

request_counts as (

    select
        *,
        date(minute, '${timezone}') as day

    from ${mart}.stg_request_counts

),

spans as (

    select
        service,
        min(day) as first_day,
        max(day) as last_day

    from request_counts
    group by service

),

days as (

    select
        spans.service,
        day

    from spans
    cross join unnest(
        generate_date_array(
            spans.first_day, greatest(spans.last_day, date(${now}, '${timezone}')), interval 1 day
        )
    ) as day

),

counted as (

    select
        service,
        day,
        cast(sum(requests) as int64) as requests,
        cast(sum(errors) as int64) as errors,
        sum(duration_ms_sum) as duration_ms_sum,
        sum(if(duration_ms_sum is null, 0, requests)) as timed_requests

    from request_counts
    group by service, day

),

rated as (

    select
        days.service,
        services.owner,
        days.day,
        coalesce(counted.requests, 0) as requests,
        coalesce(counted.errors, 0) as errors,
        safe_divide(counted.errors, counted.requests) as failure_rate,
        safe_divide(counted.duration_ms_sum, counted.timed_requests) as duration_ms_mean,
        ${availability_target} as availability_target

    from days
    left join counted
        on
            days.service = counted.service
            and days.day = counted.day
    left join services
        on days.service = services.service

)

select
    service,
    owner,
    day,

    requests,
    errors,
    failure_rate,
    1 - failure_rate as availability,
    availability_target,
    safe_divide(failure_rate, 1 - availability_target) as error_budget_burn,
    duration_ms_mean,

    1 - failure_rate >= availability_target as is_on_target

from rated
