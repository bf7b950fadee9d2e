with

services as (

    select * from ${raw}.services

),

first_deployments as (

    select
        service,
        min(deployed_date) as first_date

    from ${mart}.int_deployments
    where environment = '${environment}'
    group by service

),

days as (

    select
        services.service,
        day

    from services
    inner join first_deployments
        on services.service = first_deployments.service
    cross join unnest(
        generate_date_array(first_deployments.first_date, date(${now}, '${timezone}'), interval 1 day)
    ) as day

),

starts as (

    select
        'day' as grain,
        service,
        day as period_start

    from days
    union distinct
    select
        'week' as grain,
        service,
        cast(date_trunc(day, week(monday)) as date) as period_start

    from days
    union distinct
    select
        'month' as grain,
        service,
        cast(date_trunc(day, month) as date) as period_start

    from days

)

select
    grain,
    service,
    period_start,
    case grain
        when 'day' then period_start + 1
        when 'week' then period_start + 7
        else last_day(period_start, month) + 1
    end as period_end

from starts
