with

-- a period is of a service; of an owner or of the company, where its grain says so
periods as (

    select
        *,
        case
            when grain like 'owner%' then 'owner'
            when grain like 'company%' then 'company'
            else 'service'
        end as scope

    from ${mart}.int_periods

),

deployments as (

    select * from ${mart}.deployments
    where environment = '${environment}'

),

changes as (

    select * from ${mart}.int_changes
    where
        quality = 'ok'
        and environment = '${environment}'

),

incidents as (

    select * from ${mart}.incidents_linked

),

members as (

    select * from ${mart}.int_members

),

first_deployments as (

    select
        service,
        min(deployed_date) as first_date

    from deployments
    group by service

),

units as (

    select
        members.scope,
        members.unit,
        cast(concat('0x', substr(to_hex(md5(concat(
            coalesce(any_value(members.owner), ''), ',',
            cast(count(*) as string), ',',
            coalesce(cast(min(first_deployments.first_date) as string), '')
        ))), 1, 10)) as int64) as total

    from members
    left join first_deployments
        on members.service = first_deployments.service
    group by members.scope, members.unit

),

-- in microseconds
lead_times as (

    select
        service,
        deployed_date,
        cast(round(lead_time_hours * 3600000000) as int64) as lead_time

    from changes

),

events as (

    select
        service,
        deployed_date as day,
        concat(
            kind, ',',
            cast(coalesce(is_failed, false) as string), ',',
            cast(coalesce(is_rework, false) as string), ',',
            cast(recovered_at is null as string)
        ) as facts

    from deployments
    union all
    select
        service,
        recovered_date as day,
        concat('recovered,', coalesce(cast(cast(round(recovery_hours * 3600000000) as int64) as string), '')) as facts

    from deployments
    where recovered_date is not null
    union all
    select
        service,
        resolved_date as day,
        concat('restored,', coalesce(cast(cast(round(restore_hours * 3600000000) as int64) as string), '')) as facts

    from incidents
    where resolved_date is not null
    union all
    select
        service,
        deployed_date as day,
        concat(
            'changed,',
            cast(count(*) as string), ',',
            cast(sum(lead_time) as string), ',',
            cast(sum(mod(lead_time, 1000003) * mod(lead_time, 999983)) as string)
        ) as facts

    from lead_times
    group by service, deployed_date

),

-- sums do not depend on order; of 40 bits each, millions of them have room in an integer
totals as (

    select
        service,
        day,
        sum(cast(concat('0x', substr(to_hex(md5(facts)), 1, 10)) as int64)) as total

    from events
    group by service, day

),

days as (

    select
        service,
        day,
        cast(date_trunc(day, month) as date) as month,
        cast(
            concat('0x', substr(to_hex(md5(
                concat(service, ',', cast(day as string), ',', cast(total as string))
            )), 1, 10)) as int64
        ) as total

    from totals

),

-- months are what periods and days are joined by: ranges alone would compare all days with all periods
period_months as (

    select
        periods.*,
        month

    from periods
    cross join unnest(
        generate_date_array(cast(date_trunc(period_start, month) as date), period_end - 1, interval 1 month)
    ) as month

),

happened as (

    select
        periods.grain,
        periods.service,
        periods.period_start,
        sum(days.total) as total

    from period_months as periods
    inner join members
        on
            periods.scope = members.scope
            and periods.service = members.unit
    inner join days
        on
            members.service = days.service
            and periods.month = days.month
            and periods.period_start <= days.day
            and days.day < periods.period_end
    group by periods.grain, periods.service, periods.period_start

)

select
    periods.grain,
    periods.service,
    periods.period_start,
    periods.period_end,
    cast(
        units.total + coalesce(happened.total, 0) + if(periods.period_end > date(${now}, '${timezone}'), 1, 0) as int64
    ) as inputs

from periods
inner join units
    on
        periods.scope = units.scope
        and periods.service = units.unit
left join happened
    on
        periods.grain = happened.grain
        and periods.service = happened.service
        and periods.period_start = happened.period_start
