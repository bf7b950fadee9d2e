with

services as (

    select * from ${raw}.services

),

deployed as (

    select
        service,
        min(deployed_date) as first_date,
        max(deployed_date) as last_date

    from ${mart}.int_deployments
    where environment = '${environment}'
    group by service

),

units as (

    select
        '' as prefix,
        service,
        first_date

    from deployed
    union all
    select
        'owner_' as prefix,
        services.owner as service,
        min(deployed.first_date) as first_date

    from deployed
    inner join services
        on deployed.service = services.service
    where services.owner != ''
    group by services.owner
    union all
    select
        'company_' as prefix,
        'all' as service,
        min(first_date) as first_date

    from deployed
    having count(*) > 0

),

unit_days as (

    select
        units.prefix,
        units.service,
        day

    from units
    cross join unnest(
        generate_date_array(units.first_date, date(${now}, '${timezone}'), interval 1 day)
    ) as day

),

starts as (

    select
        'day' as grain,
        service,
        day as period_start

    from unit_days
    where prefix = ''
    union distinct
    select
        concat(prefix, 'week') as grain,
        service,
        cast(date_trunc(day, week(monday)) as date) as period_start

    from unit_days
    union distinct
    select
        concat(prefix, 'month') as grain,
        service,
        cast(date_trunc(day, month) as date) as period_start

    from unit_days

),

calendar as (

    select
        grain,
        service,
        period_start,
        case
            when grain = 'day' then period_start + 1
            when grain like '%week' then period_start + 7
            else last_day(period_start, month) + 1
        end as period_end

    from starts

),

-- trailing windows of the last year: each one holds its events again, which is too much for a long history
trailing as (

    select
        concat('trailing_', cast(days as string)) as grain,
        deployed.service,
        day + 1 - days as period_start,
        day + 1 as period_end

    from deployed
    cross join unnest([28, 90]) as days
    cross join unnest(
        generate_date_array(
            greatest(deployed.first_date, deployed.last_date - 365), date(${now}, '${timezone}'), interval 1 day
        )
    ) as day

)

select * from calendar
union all
select * from trailing
