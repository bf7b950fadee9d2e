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

    from ${periods}

),

members as (

    select * from ${mart}.int_members

),

all_deployments as (

    select * from ${mart}.deployments
    where environment = '${environment}'

),

first_deployments as (

    select
        service,
        min(deployed_date) as first_date

    from all_deployments
    group by service

),

units as (

    select
        members.scope,
        members.unit,
        any_value(members.owner) as owner,
        count(*) as services,
        min(first_deployments.first_date) as first_date

    from members
    left join first_deployments
        on members.service = first_deployments.service
    group by members.scope, members.unit

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

event_days as (

    select
        service,
        day,
        cast(date_trunc(day, month) as date) as month

    from (
        select
            service,
            deployed_date as day

        from all_deployments
        union distinct
        select
            service,
            recovered_date as day

        from all_deployments
        where recovered_date is not null
        union distinct
        select
            service,
            resolved_date as day

        from incidents
        where resolved_date is not null
    ) as events

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

-- the days of each period on which something happened
days as (

    select
        periods.grain,
        periods.service,
        periods.period_start,
        members.service as member,
        event_days.day

    from period_months as periods
    inner join members
        on
            periods.scope = members.scope
            and periods.service = members.unit
    inner join event_days
        on
            members.service = event_days.service
            and periods.month = event_days.month
            and periods.period_start <= event_days.day
            and event_days.day < periods.period_end

),

deployed as (

    select
        days.grain,
        days.service,
        days.period_start,
        count(if(deployments.kind != 'redeployment', 1, null)) as deployments,
        count(if(deployments.kind = 'redeployment', 1, null)) as redeployments,
        count(
            distinct if(deployments.kind != 'redeployment', deployments.deployed_date, null)
        ) as deployment_days,
        count(if(deployments.is_failed, 1, null)) as failed_deployments,
        count(if(deployments.is_failed and deployments.recovered_at is null, 1, null)) as unrecovered_failures,
        count(if(deployments.is_rework and deployments.kind != 'redeployment', 1, null)) as rework_deployments

    from days
    inner join all_deployments as deployments
        on
            days.member = deployments.service
            and days.day = deployments.deployed_date
    group by days.grain, days.service, days.period_start

),

deployed_weeks as (

    select
        members.scope,
        members.unit,
        cast(date_trunc(deployments.deployed_date, week(monday)) as date) as week_start,
        count(distinct deployments.deployed_date) as deployment_days

    from members
    inner join all_deployments as deployments
        on members.service = deployments.service
    where deployments.kind != 'redeployment'
    group by members.scope, members.unit, week_start

),

-- full weeks only, those without a deployment too
full_weeks as (

    select
        periods.scope,
        periods.grain,
        periods.service,
        periods.period_start,
        week_start

    from periods
    cross join unnest(
        generate_date_array(
            cast(date_trunc(periods.period_start + 6, week(monday)) as date),
            periods.period_end - 7,
            interval 7 day
        )
    ) as week_start

),

weeks as (

    select
        full_weeks.grain,
        full_weeks.service,
        full_weeks.period_start,
        coalesce(deployed_weeks.deployment_days, 0) as deployment_days

    from full_weeks
    left join deployed_weeks
        on
            full_weeks.scope = deployed_weeks.scope
            and full_weeks.service = deployed_weeks.unit
            and full_weeks.week_start = deployed_weeks.week_start

),

typical_weeks as (

    select
        grain,
        service,
        period_start,
        any_value(median_deployment_days) as median_deployment_days

    from (
        select
            grain,
            service,
            period_start,
            percentile_cont(deployment_days, 0.5) over (
                partition by grain, service, period_start
            ) as median_deployment_days

        from weeks
    ) as medians
    group by grain, service, period_start

),

changed as (

    select
        grain,
        service,
        period_start,
        count(*) as changes,
        sum(cast(round(lead_time_hours * 3600000000) as int64)) / 3600000000 as lead_time_hours_sum,
        any_value(p50) as lead_time_hours_median,
        any_value(p75) as lead_time_hours_p75,
        any_value(p90) as lead_time_hours_p90

    from (
        select
            days.grain,
            days.service,
            days.period_start,
            changes.lead_time_hours,
            percentile_cont(changes.lead_time_hours, 0.5) over (
                partition by days.grain, days.service, days.period_start
            ) as p50,
            percentile_cont(changes.lead_time_hours, 0.75) over (
                partition by days.grain, days.service, days.period_start
            ) as p75,
            percentile_cont(changes.lead_time_hours, 0.9) over (
                partition by days.grain, days.service, days.period_start
            ) as p90

        from days
        inner join changes
            on
                days.member = changes.service
                and days.day = changes.deployed_date
    ) as samples
    group by grain, service, period_start

),

recovered as (

    select
        grain,
        service,
        period_start,
        count(*) as recovered_failures,
        sum(cast(round(recovery_hours * 3600000000) as int64)) / 3600000000 as failed_deployment_recovery_hours_sum,
        any_value(p50) as failed_deployment_recovery_hours_median,
        any_value(p90) as failed_deployment_recovery_hours_p90

    from (
        select
            days.grain,
            days.service,
            days.period_start,
            deployments.recovery_hours,
            percentile_cont(deployments.recovery_hours, 0.5) over (
                partition by days.grain, days.service, days.period_start
            ) as p50,
            percentile_cont(deployments.recovery_hours, 0.9) over (
                partition by days.grain, days.service, days.period_start
            ) as p90

        from days
        inner join all_deployments as deployments
            on
                days.member = deployments.service
                and days.day = deployments.recovered_date
    ) as samples
    group by grain, service, period_start

),

restored as (

    select
        grain,
        service,
        period_start,
        count(*) as restored_incidents,
        sum(cast(round(restore_hours * 3600000000) as int64)) / 3600000000 as time_to_restore_hours_sum,
        any_value(p50) as time_to_restore_hours_median,
        any_value(p90) as time_to_restore_hours_p90

    from (
        select
            days.grain,
            days.service,
            days.period_start,
            incidents.restore_hours,
            percentile_cont(incidents.restore_hours, 0.5) over (
                partition by days.grain, days.service, days.period_start
            ) as p50,
            percentile_cont(incidents.restore_hours, 0.9) over (
                partition by days.grain, days.service, days.period_start
            ) as p90

        from days
        inner join incidents
            on
                days.member = incidents.service
                and days.day = incidents.resolved_date
    ) as samples
    group by grain, service, period_start

),

parts as (

    select
        periods.grain,
        periods.service,
        units.owner,
        units.services,
        periods.period_start,
        periods.period_end,
        date_diff(periods.period_end, periods.period_start, day) as days,
        coalesce(deployed.deployments, 0) as deployments,
        coalesce(deployed.redeployments, 0) as redeployments,
        coalesce(deployed.deployment_days, 0) as deployment_days,
        typical_weeks.median_deployment_days as median_deployment_days_per_week,
        coalesce(changed.changes, 0) as changes,
        changed.lead_time_hours_sum,
        changed.lead_time_hours_median,
        changed.lead_time_hours_p75,
        changed.lead_time_hours_p90,
        coalesce(deployed.failed_deployments, 0) as failed_deployments,
        coalesce(deployed.unrecovered_failures, 0) as unrecovered_failures,
        coalesce(recovered.recovered_failures, 0) as recovered_failures,
        recovered.failed_deployment_recovery_hours_sum,
        recovered.failed_deployment_recovery_hours_median,
        recovered.failed_deployment_recovery_hours_p90,
        coalesce(restored.restored_incidents, 0) as restored_incidents,
        restored.time_to_restore_hours_sum,
        restored.time_to_restore_hours_median,
        restored.time_to_restore_hours_p90,
        coalesce(deployed.rework_deployments, 0) as rework_deployments,
        periods.inputs,
        (
            units.first_date is null
            or periods.period_start < units.first_date
            or periods.period_end > date(${now}, '${timezone}')
        ) as is_partial

    from periods
    inner join units
        on
            periods.scope = units.scope
            and periods.service = units.unit
    left join deployed
        on
            periods.grain = deployed.grain
            and periods.service = deployed.service
            and periods.period_start = deployed.period_start
    left join typical_weeks
        on
            periods.grain = typical_weeks.grain
            and periods.service = typical_weeks.service
            and periods.period_start = typical_weeks.period_start
    left join changed
        on
            periods.grain = changed.grain
            and periods.service = changed.service
            and periods.period_start = changed.period_start
    left join recovered
        on
            periods.grain = recovered.grain
            and periods.service = recovered.service
            and periods.period_start = recovered.period_start
    left join restored
        on
            periods.grain = restored.grain
            and periods.service = restored.service
            and periods.period_start = restored.period_start

),

rated as (

    select
        *,
        safe_divide(deployments, days) as deployments_per_day,
        safe_divide(failed_deployments, deployments) as change_failure_rate,
        safe_divide(rework_deployments, deployments) as deployment_rework_rate

    from parts

),

-- DORA's Quick Check: six levels from 0 to 10; rates are 10 - percent / 10
scored as (

    select
        *,
        cast(
            case
                when lead_time_hours_median < 1 then 10
                when lead_time_hours_median < 24 then 8
                when lead_time_hours_median < 168 then 6
                when lead_time_hours_median < 730.5 then 4
                when lead_time_hours_median < 4383 then 2
                when lead_time_hours_median is not null then 0
            end as float64
        ) as lead_time_score,
        cast(
            case
                when deployments = 0 then null
                when deployments_per_day > 1 then 10
                when deployments = days then 8
                when deployments_per_day * 7 >= 1 then 6
                when deployments_per_day * 30.4375 >= 1 then 4
                when deployments_per_day * 182.625 >= 1 then 2
                else 0
            end as float64
        ) as deployment_frequency_score,
        cast(
            case
                when failed_deployment_recovery_hours_median < 1 then 10
                when failed_deployment_recovery_hours_median < 24 then 8
                when failed_deployment_recovery_hours_median < 168 then 6
                when failed_deployment_recovery_hours_median < 730.5 then 4
                when failed_deployment_recovery_hours_median < 4383 then 2
                when failed_deployment_recovery_hours_median is not null then 0
            end as float64
        ) as failed_deployment_recovery_score,
        10 - 10 * change_failure_rate as change_failure_score,
        10 - 10 * deployment_rework_rate as deployment_rework_score

    from rated

)

-- Wilson's 95 % interval; z = 1.959963984540054, z * z = 3.841458820694124
select
    *,
    (
        lead_time_score + deployment_frequency_score + failed_deployment_recovery_score
        + change_failure_score + deployment_rework_score
    ) / 5 as quick_check_score,
    if(
        deployments > 0,
        greatest(0.0, safe_divide(
            change_failure_rate + 1.920729410347062 / nullif(deployments, 0)
            - 1.959963984540054 * sqrt(
                (
                    change_failure_rate * (1 - change_failure_rate)
                    + 0.960364705173531 / nullif(deployments, 0)
                ) / nullif(deployments, 0)
            ),
            1 + 3.841458820694124 / nullif(deployments, 0)
        )),
        null
    ) as change_failure_rate_low,
    if(
        deployments > 0,
        least(1.0, safe_divide(
            change_failure_rate + 1.920729410347062 / nullif(deployments, 0)
            + 1.959963984540054 * sqrt(
                (
                    change_failure_rate * (1 - change_failure_rate)
                    + 0.960364705173531 / nullif(deployments, 0)
                ) / nullif(deployments, 0)
            ),
            1 + 3.841458820694124 / nullif(deployments, 0)
        )),
        null
    ) as change_failure_rate_high,
    if(
        deployments > 0,
        greatest(0.0, safe_divide(
            deployment_rework_rate + 1.920729410347062 / nullif(deployments, 0)
            - 1.959963984540054 * sqrt(
                (
                    deployment_rework_rate * (1 - deployment_rework_rate)
                    + 0.960364705173531 / nullif(deployments, 0)
                ) / nullif(deployments, 0)
            ),
            1 + 3.841458820694124 / nullif(deployments, 0)
        )),
        null
    ) as deployment_rework_rate_low,
    if(
        deployments > 0,
        least(1.0, safe_divide(
            deployment_rework_rate + 1.920729410347062 / nullif(deployments, 0)
            + 1.959963984540054 * sqrt(
                (
                    deployment_rework_rate * (1 - deployment_rework_rate)
                    + 0.960364705173531 / nullif(deployments, 0)
                ) / nullif(deployments, 0)
            ),
            1 + 3.841458820694124 / nullif(deployments, 0)
        )),
        null
    ) as deployment_rework_rate_high

from scored
